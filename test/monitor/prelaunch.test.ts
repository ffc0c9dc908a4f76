/** The chain that the launcher starts ahead of the CLI: the file that tells it how, and what it hands over. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { chainKey, rememberChain, takePrelaunched } from '../../src/monitor/prelaunch.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-prelaunch-'));
after(() => rmSync(scratch, { recursive: true }));

let run = '';
let made = 0;
beforeEach(() => {
  run = path.join(scratch, `it's ${(made += 1)}`);
  mkdirSync(run);
});

/** Sources the remembered file as the launcher does, then runs `script` with the channel open. */
function source(script: string): { readonly stdout: string; readonly stderr: string } {
  return spawnSync('sh', ['-c', `. "$0"/prelaunch; ${script}`, run], { encoding: 'utf8', timeout: 10_000 });
}

test('takePrelaunched() reads what the launcher says once, and takes it out of the environment', () => {
  const env: NodeJS.ProcessEnv = { HUTCH_PRELAUNCH: '12:6:7:ab3' };
  assert.deepEqual(takePrelaunched(env), { pid: 12, toInit: 6, fromInit: 7, key: 'ab3' });
  assert.deepEqual(env, {});
  assert.equal(takePrelaunched(env), undefined);
  for (const word of ['', '12', '12:6:7', '12:6:7:xyz', '-1:6:7:ab', '12:6:7:ab:c']) {
    const other: NodeJS.ProcessEnv = { HUTCH_PRELAUNCH: word };
    assert.equal(takePrelaunched(other), undefined, word);
    assert.deepEqual(other, {}, 'it must not reach a child');
  }
});

test('chainKey() differs for chains that differ in where their words end', () => {
  const keys = [['a', 'b'], ['ab'], ['a', 'b', ''], ['b', 'a'], []].map(chainKey);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(chainKey(['a', 'b']), keys[0]);
});

test('rememberChain() writes a file for its owner only, and only when it differs', () => {
  rememberChain(run, ['a'], '/bin');
  const file = path.join(run, 'prelaunch');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { ino } = statSync(file);
  rememberChain(run, ['a'], '/bin');
  assert.equal(statSync(file).ino, ino);
  rememberChain(run, ['b'], '/bin');
  assert.notEqual(statSync(file).ino, ino);
});

test('the remembered file starts the chain with a channel of its own and a clean environment, word by word', () => {
  const program = path.join(scratch, 'program');
  writeFileSync(
    program,
    '#!/bin/sh\nread -r line <&3\nprintf "%s|" "$line" "$@" >&4\nenv | sort | grep -v ^PWD= | tr "\\n" "|" >&4\necho >&4\n',
  );
  chmodSync(program, 0o755);
  const words = [program, 'a b', "it's", '$HOME', '"', ''];
  rememberChain(run, words, '/usr/bin:/bin');
  const { stdout, stderr } = source(
    'SECRET=1; export SECRET; echo hello >&6; read -r answer <&7; echo "$answer"; echo "${HUTCH_PRELAUNCH#*:}"',
  );
  assert.equal(stderr, '');
  const [answer, handed] = stdout.split('\n');
  assert.equal(answer, `hello|a b|it's|$HOME|"||LANG=C.UTF-8|PATH=/usr/bin:/bin|`);
  assert.equal(handed, `6:7:${chainKey(words)}`);
  const names = readdirSync(run).map((name) => name.replace(/\d+/u, 'PID'));
  assert.deepEqual(
    names.toSorted(),
    ['fifo.PID.down', 'fifo.PID.up', 'prelaunch'],
    'takePrelaunched() removes the names',
  );
});

test('rememberChain() removes fifos of launchers that were killed, and none of one that lives', () => {
  for (const name of ['fifo.4194305.down', 'fifo.4194305.up', `fifo.${process.pid}.down`])
    writeFileSync(path.join(run, name), '');
  rememberChain(run, ['a'], '/bin');
  assert.deepEqual(readdirSync(run).toSorted(), [`fifo.${process.pid}.down`, 'prelaunch']);
});

test('either side of the channel sees the end of the other', () => {
  rememberChain(run, ['sh', '-c', 'cat <&3 >/dev/null; echo end >&4'], '/usr/bin:/bin');
  assert.equal(source('exec 6>&-; cat <&7').stdout, 'end\n', 'the chain sees that its starter has closed');
  rememberChain(run, ['sh', '-c', 'exec true'], '/usr/bin:/bin');
  assert.equal(source('cat <&7; echo closed').stdout, 'closed\n', 'the starter sees that the chain has ended');
});

test('a run directory that cannot be written is no error: there is just no head start', () => {
  rememberChain(run, ['true'], '/bin');
  const file = readFileSync(path.join(run, 'prelaunch'), 'utf8').replaceAll('mkfifo -m 600', 'false');
  writeFileSync(path.join(run, 'prelaunch'), file);
  const { stdout, stderr } = source('echo "${HUTCH_PRELAUNCH-none}"');
  assert.deepEqual([stdout, stderr], ['none\n', '']);
});
