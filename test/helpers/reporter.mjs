/**
 * Reporter for node's test runner, one file per run: one line for the file, every failure with its error, every skip with its reason.
 * HUTCH_TEST_COUNTS=FILE gets "passed failed skipped" at the end of a file that ran to its end, and nothing when it did not.
 * HUTCH_TEST_TRACE=FILE gets, at once, what the file prints and which test it begins: all there is to see when it hangs or dies.
 */

import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';

const where = (file) => (file === undefined ? '' : path.relative(process.cwd(), file));

/** The error a test threw, without the runner's wrapping, indented below the title. */
function describeError(error) {
  const thrown = error?.code === 'ERR_TEST_FAILURE' ? (error.cause ?? error) : error;
  const text = typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 4 });
  return text.replaceAll(/^/gmu, '    ');
}

/** A test that failed only because a subtest did: the subtest has been reported already. */
const isEchoOfSubtest = ({ details }) => details.error?.failureType === 'subtestsFailed';

/** Node counts tests only; a suite that is skipped as a whole counts as one. */
let skippedSuites = 0;

function describeSkip({ file, name, skip, todo, details }) {
  if (details.type === 'suite') skippedSuites += 1;
  const reason = [skip, todo].find((text) => typeof text === 'string' && text !== '') ?? 'no reason given';
  return `skip ${where(file)}: ${name}: ${reason}\n`;
}

function describeFile({ file, counts, duration_ms: durationMs, success }) {
  const skipped = counts.skipped + counts.todo + skippedSuites;
  const notes = skipped > 0 ? `, ${skipped} skipped` : '';
  return `${success ? 'ok  ' : 'FAIL'} ${where(file)}: ${counts.passed} passed${notes} (${Math.round(durationMs)} ms)\n`;
}

/** A file that crashed or left early passes for one test in the counts of the run; it has no summary of its own, though. */
let hasFileEnded = false;

function record({ passed, failed, cancelled, skipped, todo }) {
  if (hasFileEnded) append('HUTCH_TEST_COUNTS', `${passed} ${failed + cancelled} ${skipped + todo + skippedSuites}\n`);
}

function trace(line) {
  append('HUTCH_TEST_TRACE', line);
  return '';
}

function append(variable, text) {
  const file = process.env[variable];
  if (file !== undefined) appendFileSync(file, text);
}

const DESCRIBE = {
  'test:dequeue': ({ name }) => trace(`-- after ${Math.round(performance.now() / 1000)} s: ${name}\n`),
  'test:stdout': ({ message }) => trace(message),
  'test:stderr': ({ message }) => trace(message),
  'test:pass': (data) => (data.skip === undefined && data.todo === undefined ? '' : describeSkip(data)),
  'test:fail': (data) =>
    isEchoOfSubtest(data) ? '' : `FAIL ${where(data.file)}: ${data.name}\n${describeError(data.details.error)}\n`,
  'test:summary': (data) => {
    if (data.file === undefined) {
      record(data.counts);
      return '';
    }
    hasFileEnded = true;
    return describeFile(data);
  },
};

export default async function* reporter(events) {
  for await (const { type, data } of events) {
    const line = DESCRIBE[type]?.(data) ?? '';
    if (line !== '') yield line;
  }
}
