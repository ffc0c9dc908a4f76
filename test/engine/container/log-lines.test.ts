/** What is shown of a log, and where its last lines begin. */

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { LogFileReader, openLogFiles } from '../../../src/engine/container/log-files.ts';
import { LogLines, type LineOptions } from '../../../src/engine/container/log-lines.ts';
import { findTail } from '../../../src/engine/container/log-tail.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-log-'));
after(() => rmSync(scratch, { recursive: true }));

const at = (second: number): string => `2026-01-31T12:00:${String(second).padStart(2, '0')}.000000000Z`;
const msAt = (second: number): number => Date.UTC(2026, 0, 31, 12, 0, second);
const LOG = [
  `${at(1)} stdout F one`,
  `${at(2)} stdout P tw`,
  `${at(2)} stderr F bad`,
  `${at(3)} stdout F o`,
  `${at(4)} stdout F `,
  '2026-01-31T12:00 cut by a full disk',
  `${at(5)} stdout P end`,
]
  .map((line) => `${line}\n`)
  .join('');

function shown(options: Partial<LineOptions>, log = LOG): { stdout: string; stderr: string } {
  const seen = { stdout: '', stderr: '' };
  const lines = new LogLines(
    { timestamps: false, sinceMs: null, untilMs: null, together: false, ...options },
    (stream, bytes) => (seen[stream] += Buffer.from(bytes).toString('latin1')),
  );
  assert.equal(lines.push(Buffer.from(log, 'latin1')), log.lastIndexOf('\n') + 1);
  return seen;
}

test('LogLines keeps the streams apart and puts parts of a line together', () => {
  assert.deepEqual(shown({}), { stdout: 'one\ntwo\n\nend', stderr: 'bad\n' });
});

test('LogLines keeps the order of both streams when they lead to one place', () => {
  assert.deepEqual(shown({ together: true }), { stdout: 'one\ntwbad\no\n\nend', stderr: '' });
});

test('LogLines puts a time before each line, not before each part', () => {
  assert.equal(shown({ timestamps: true }).stdout, `${at(1)} one\n${at(2)} two\n${at(4)} \n${at(5)} end`);
});

test('LogLines puts details before each line, behind the time, however long they are', () => {
  const details = Buffer.from(`${'x'.repeat(100)} `);
  assert.equal(
    shown({ details }).stdout,
    ['one', 'two', '', 'end'].map((line) => `${details.toString()}${line}`).join('\n'),
  );
  assert.ok(shown({ details, timestamps: true }).stdout.startsWith(`${at(1)} ${details.toString()}one\n`));
});

test('LogLines shows what lies between two moments, both included', () => {
  assert.equal(shown({ sinceMs: msAt(3) }).stdout, 'o\n\nend');
  assert.equal(shown({ untilMs: msAt(3) }).stdout, 'one\ntwo\n');
  assert.deepEqual(shown({ sinceMs: msAt(2), untilMs: msAt(2) }), { stdout: 'tw', stderr: 'bad\n' });
});

test('LogLines leaves an entry that is not whole for the next time', () => {
  assert.equal(shown({}, LOG.slice(0, -1)).stdout, 'one\ntwo\n\n');
});

test('findTail finds the last lines over all files of a log', () => {
  const file = path.join(scratch, 'log');
  writeFileSync(`${file}.1`, LOG.slice(0, LOG.indexOf(at(4))));
  writeFileSync(file, LOG.slice(LOG.indexOf(at(4))));
  const tailOf = (lines: number, untilMs: number | null = null): string => {
    const files = openLogFiles(file);
    const { index, offset } = findTail(files, lines, untilMs);
    const parts: string[] = [];
    for (const [place, each] of files.entries()) {
      const reader = new LogFileReader(each, place === index ? offset : 0);
      if (place >= index) {
        reader.read((bytes) => {
          parts.push(Buffer.from(bytes).toString('latin1'));
          return bytes.length;
        });
      }
      closeSync(each.fd);
    }
    return shown({ untilMs }, parts.join('')).stdout;
  };
  assert.equal(tailOf(0), '');
  assert.equal(tailOf(1), 'end');
  assert.equal(tailOf(2), '\nend');
  assert.equal(tailOf(3), 'o\n\nend', 'the line that a line of the other stream has parted');
  assert.equal(tailOf(4), 'two\n\nend', 'one of stderr is among them');
  assert.equal(tailOf(100), 'one\ntwo\n\nend');
  assert.equal(tailOf(1, msAt(3)), 'o\n');
  assert.equal(tailOf(2, msAt(3)), 'two\n');
});

test('a log longer than a piece is read to its end, and its tail is found', () => {
  const file = path.join(scratch, 'long');
  const count = 40_000;
  writeFileSync(
    file,
    Array.from({ length: count }, (_, index) => `${at(1)} stdout F line ${index}\n`).join('') +
      `${at(2)} stdout F ${'x'.repeat(3_000_000)}\n`,
  );
  const [first] = openLogFiles(file);
  assert.ok(first !== undefined);
  const { offset } = findTail([first], 3, null);
  const parts: string[] = [];
  const lines = new LogLines({ timestamps: false, sinceMs: null, untilMs: null, together: false }, (_, bytes) =>
    parts.push(Buffer.from(bytes).toString('latin1')),
  );
  new LogFileReader(first, offset).read((bytes) => lines.push(bytes));
  assert.match(parts.join(''), /^line 39998\nline 39999\nx{3000000}\n$/u);
  parts.length = 0;
  new LogFileReader(first).read((bytes) => lines.push(bytes));
  assert.equal(parts.join('').split('\n').length, count + 2);
  closeSync(first.fd);
});
