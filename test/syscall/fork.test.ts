/** openFork(): children that go on with JavaScript, and the machine code that waits. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { HOLDER_PROGRAM } from '../../src/syscall/holder-program.ts';

/** As src/launcher.sh starts the program that forks. */
const ALONE = ['--v8-pool-size=1', '--no-concurrent-sparkplug', '--no-concurrent-recompilation', '--no-warnings'];
/** A tenth of what it has before. */
const MOST_KIB = 4096;
const PROGRAM = path.join(import.meta.dirname, 'fork-here.ts');

interface Said {
  readonly code: number;
  readonly words: readonly string[];
}

function forkHere(...words: readonly string[]): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...ALONE, PROGRAM, ...words], {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Said;
}

test('there is a holder’s program for each processor that hutch runs on', () => {
  assert.deepEqual(Object.keys(HOLDER_PROGRAM).toSorted(), ['arm64', 'x64']);
});

test('fork(): a child has the memory of its parent, and goes on with JavaScript', () => {
  assert.deepEqual(forkHere('fork', '7'), { code: 7, words: ['20000 fork'] });
});

test('fork(): what goes wrong in a child is told, and the child does not return', () => {
  assert.deepEqual(forkHere('throw'), { code: 125, words: ['Error: it went wrong'] });
});

test('fork() throws where the kernel refuses', { skip: process.getuid?.() === 0 ? 'root may do it' : false }, () => {
  const { stderr, status } = spawnSync(process.execPath, [...ALONE, PROGRAM, 'refused'], { encoding: 'utf8' });
  assert.notEqual(status, 0);
  assert.match(stderr, /clone.*EPERM|EPERM.*clone/su);
});

test('hold() ends with the exit code of its child, or with 128 and the signal that ended it', () => {
  for (const [word, code] of [
    ['0', 0],
    ['3', 3],
    ['255', 255],
    ['signal9', 137],
    ['signal15', 143],
  ] as const)
    assert.deepEqual(forkHere('hold', word), { code, words: ['20000 hold'] });
});

test('hold() gives the memory back and keeps its name', () => {
  const { words } = forkHere('rest');
  const { command, residentKib } = JSON.parse(words[0] ?? '') as { command: string; residentKib: number };
  assert.equal(command, 'hutch-test-holder');
  // Mostly 0.1 MB; what lies beside the thread's own data stays with it, if the kernel has made one mapping of both.
  assert.ok(residentKib < MOST_KIB, `${String(residentKib)} KiB`);
});
