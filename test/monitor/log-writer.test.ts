/** The log of a container as a file. */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { LogWriter } from '../../src/monitor/log-writer.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-log-'));
after(() => rmSync(scratch, { recursive: true }));

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`;

test('LogWriter marks each line with its time and stream, and a part of a line as such', () => {
  const file = path.join(scratch, 'lines');
  const log = new LogWriter(file, { driver: 'file', maxSizeBytes: null, maxFiles: 1 });
  log.write('stdout', Buffer.from('one\n\ntw'));
  log.write('stderr', Buffer.from('err\n'));
  log.write('stdout', Buffer.from([0xff, 0x0a]));
  log.close();
  const shape = ['stdout F one', 'stdout F ', 'stdout P tw', 'stderr F err', 'stdout F \u00ff'];
  assert.match(readFileSync(file, 'latin1'), new RegExp(`^${shape.map((line) => `${TIME} ${line}\n`).join('')}$`, 'u'));
});

test('LogWriter keeps as many files as wanted, none much larger than wanted', () => {
  const file = path.join(scratch, 'rotated');
  const log = new LogWriter(file, { driver: 'file', maxSizeBytes: 200, maxFiles: 3 });
  for (let line = 0; line < 50; line += 1) log.write('stdout', Buffer.from(`line ${line}\n`));
  log.close();
  const files = [file, `${file}.1`, `${file}.2`];
  for (const name of files) assert.ok(readFileSync(name).length <= 200, name);
  assert.equal(existsSync(`${file}.3`), false);
  assert.match(readFileSync(file, 'utf8'), /line 49\n$/u);
});

test('LogWriter with one file begins it anew', () => {
  const file = path.join(scratch, 'single');
  const log = new LogWriter(file, { driver: 'file', maxSizeBytes: 120, maxFiles: 1 });
  for (let line = 0; line < 9; line += 1) log.write('stdout', Buffer.from(`line ${line}\n`));
  log.close();
  assert.match(readFileSync(file, 'utf8'), /line 8\n$/u);
  assert.ok(!readFileSync(file, 'utf8').includes('line 0'));
});

test('LogWriter goes on when it cannot write', () => {
  const log = new LogWriter('/dev/full', { driver: 'file', maxSizeBytes: null, maxFiles: 1 });
  log.write('stdout', Buffer.from('lost\n'));
  log.write('stdout', Buffer.from('lost too\n'));
  log.close();
});
