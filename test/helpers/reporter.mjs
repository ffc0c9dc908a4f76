/**
 * Reporter for node's test runner: one line per file, every failure with its error, every skip with its reason.
 * With HUTCH_TEST_COUNTS=FILE it appends "passed failed skipped" to FILE, so that phases can be added up.
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

function describeSkip({ file, name, skip, todo }) {
  const reason = [skip, todo].find((text) => typeof text === 'string' && text !== '') ?? 'no reason given';
  return `skip ${where(file)}: ${name}: ${reason}\n`;
}

function describeFile({ file, counts, duration_ms: durationMs, success }) {
  const skipped = counts.skipped + counts.todo;
  const notes = skipped > 0 ? `, ${skipped} skipped` : '';
  return `${success ? 'ok  ' : 'FAIL'} ${where(file)}: ${counts.passed} passed${notes} (${Math.round(durationMs)} ms)\n`;
}

function record({ passed, failed, cancelled, skipped, todo }) {
  const file = process.env.HUTCH_TEST_COUNTS;
  if (file !== undefined) appendFileSync(file, `${passed} ${failed + cancelled} ${skipped + todo}\n`);
}

const DESCRIBE = {
  'test:pass': (data) => (data.skip === undefined && data.todo === undefined ? '' : describeSkip(data)),
  'test:fail': (data) =>
    isEchoOfSubtest(data) ? '' : `FAIL ${where(data.file)}: ${data.name}\n${describeError(data.details.error)}\n`,
  'test:summary': (data) => {
    if (data.file !== undefined) return describeFile(data);
    record(data.counts);
    return '';
  },
};

export default async function* reporter(events) {
  for await (const { type, data } of events) {
    const line = DESCRIBE[type]?.(data) ?? '';
    if (line !== '') yield line;
  }
}
