/** Where the subordinate ids of a user come from: the files, and getsubids(1) where those name none. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import {
  findSubordinateIds,
  loginName,
  readSubordinateFile,
  readSubordinateIds,
} from '../../src/userns/subordinate-ids.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-subids-'));
after(() => rmSync(scratch, { recursive: true }));
/** No file names it. */
const [UID, NAME] = [3_999_999_999, 'hutch-of-ldap'];

/** Runs `work` where getsubids(1) is a shell script of these lines. */
async function withGetsubids<T>(lines: string, work: () => Promise<T>): Promise<T> {
  const was = process.env['PATH'];
  writeFileSync(path.join(scratch, 'getsubids'), `#!/bin/sh\n${lines}\n`);
  chmodSync(path.join(scratch, 'getsubids'), 0o755);
  process.env['PATH'] = `${scratch}:${was ?? ''}`;
  try {
    return await work();
  } finally {
    process.env['PATH'] = was;
  }
}

test('findSubordinateIds() asks getsubids for a user whom no file names, with every range that it prints', async () => {
  const lines = `case "$1" in -g) echo "0: $2 700000 65536" ;; *) echo "0: $1 500000 1000"; echo "1: $1 600000 2000" ;; esac`;
  assert.deepEqual(await withGetsubids(lines, () => findSubordinateIds(UID, NAME)), {
    uids: [
      { start: 500_000, count: 1000 },
      { start: 600_000, count: 2000 },
    ],
    gids: [{ start: 700_000, count: 65_536 }],
  });
});

test('findSubordinateIds() finds none when getsubids knows none, fails, or says something else', async () => {
  for (const lines of ['exit 1', 'echo "Error fetching ranges" >&2; exit 1', 'echo "0: x -5 many"', 'echo']) {
    const none = { uids: [], gids: [] };
    assert.deepEqual(await withGetsubids(lines, () => findSubordinateIds(UID, NAME)), none, lines);
  }
});

const own = readSubordinateIds(process.getuid?.() ?? 0);
const skip =
  own.uids.length > 0 && own.gids.length > 0 ? false : 'this user has no range in /etc/subuid and /etc/subgid';

test('findSubordinateIds() believes the files first', { skip }, async () => {
  const uid = process.getuid?.() ?? 0;
  assert.deepEqual(await withGetsubids('echo "0: $1 1 1"', () => findSubordinateIds(uid)), own);
});

const noTool = spawnSync('getsubids', ['root']).error === undefined ? false : 'getsubids is not installed';

test('readSubordinateIds() finds what getsubids finds', { skip: skip || noTool }, () => {
  const said = spawnSync('getsubids', [loginName() ?? ''], { encoding: 'utf8' }).stdout;
  assert.deepEqual(
    own.uids.map(({ start, count }, index) => `${index}: ${loginName()} ${start} ${count}`),
    said.trim().split('\n'),
  );
});

test('readSubordinateFile() leaves out what is no range, and is empty for a file that is not there', () => {
  const file = path.join(scratch, 'subuid');
  writeFileSync(file, '# comment\na:100000:65536\n\nb:x:1\nc:1:0\nd:-1:5\n1001:5:6 \ne:1:2:3\n');
  assert.deepEqual(readSubordinateFile(file), [
    { owner: 'a', start: 100_000, count: 65_536 },
    { owner: '1001', start: 5, count: 6 },
  ]);
  assert.deepEqual(readSubordinateFile(`${file}-none`), []);
});
