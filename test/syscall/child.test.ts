/** spawnChild(): a child that makes prepared system calls and executes a program. */
import assert from 'node:assert/strict';
import { constants, tmpdir } from 'node:os';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FCNTL } from '../../src/linux/flags.ts';
import { cString, spawnChild, type ChildCall } from '../../src/syscall/child.ts';
import { CHILD_PROGRAM } from '../../src/syscall/child-program.ts';
import { openSyscalls } from '../../src/syscall/syscalls.ts';
import { eventually } from '../e2e/processes.ts';

const { ENOENT, EBADF } = constants.errno;
const { waitpid } = openSyscalls();

function shell(script: string, env: readonly string[] = []): ChildCall {
  return { name: 'execve', arguments: [cString('/bin/sh'), ['sh', '-c', script], env], tolerated: [ENOENT] };
}

test('spawnChild() executes a program with its arguments and environment', () => {
  const { executed, pid } = spawnChild([{ name: 'setsid', arguments: [] }, shell('exit $CODE', ['CODE=7'])]);
  assert.ok(executed);
  assert.equal(waitpid(pid), 7);
});

test('spawnChild() makes the calls in order, and only in the child', () => {
  const file = join(tmpdir(), `hutch-child-${String(process.pid)}`);
  const calls: ChildCall[] = [
    { name: 'umask', arguments: [0o27] },
    { name: 'fcntl', arguments: [0, FCNTL.GETFD, 0] },
    shell(`umask >${file}`),
  ];
  const { pid, results } = spawnChild(calls);
  assert.equal(waitpid(pid), 0);
  assert.equal(readFileSync(file, 'utf8'), '0027\n');
  const again = spawnChild(calls);
  assert.equal(waitpid(again.pid), 0);
  assert.deepEqual(again.results, results);
  assert.notEqual(results[0], 0o27);
  rmSync(file);
});

test('spawnChild() goes on after an errno that is tolerated, to the next program', () => {
  const missing: ChildCall = { name: 'execve', arguments: [cString('/no/such'), ['x'], []], tolerated: [ENOENT] };
  const { executed, pid, results } = spawnChild([missing, shell('exit 3'), shell('exit 4')]);
  assert.deepEqual([executed, results], [true, [-ENOENT]]);
  assert.equal(waitpid(pid), 3);
  const none = spawnChild([missing, missing]);
  assert.deepEqual([none.executed, none.results, waitpid(none.pid)], [false, [-ENOENT, -ENOENT], 127]);
});

test('spawnChild() stops at any other errno: nothing is executed without the calls before it', () => {
  const { executed, pid, results } = spawnChild([{ name: 'fcntl', arguments: [9999, 1, 0] }, shell('exit 0')]);
  assert.deepEqual([executed, results], [false, [-EBADF]]);
  assert.equal(waitpid(pid), 127);
});

test('spawnChild() hands over to a child of the child', async () => {
  const clone: ChildCall = { name: 'clone', arguments: [constants.signals.SIGCHLD | 0x4000], handsOver: true };
  const file = join(tmpdir(), `hutch-grandchild-${String(process.pid)}`);
  const { executed, pid } = spawnChild([
    clone,
    shell(`echo $PPID >${file}.part; mv ${file}.part ${file}`, ['PATH=/usr/bin:/bin']),
  ]);
  assert.ok(executed);
  // The one in between.
  assert.equal(waitpid(pid), 0);
  const parent = await eventually(() => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined));
  assert.ok(parent !== undefined && parent > 0 && parent !== process.pid, String(parent));
  rmSync(file);
});

test('CHILD_PROGRAM is whole instructions for both processors', () => {
  assert.equal((CHILD_PROGRAM['arm64'] ?? '').length % 8, 0);
  // They end in a return: c3 (ret), d65f03c0 (ret).
  assert.ok(CHILD_PROGRAM['x64']?.endsWith('5bc3'));
  assert.ok(CHILD_PROGRAM['arm64']?.endsWith('c0035fd6'));
});
