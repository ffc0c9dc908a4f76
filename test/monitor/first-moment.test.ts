/** hearFirstMoment(): what it reads, when it ends, and what goes on meanwhile. */

import assert from 'node:assert/strict';
import { closeSync, readSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { hearFirstMoment, type EarlySource } from '../../src/monitor/first-moment.ts';
import { openSyscalls } from '../../src/syscall/syscalls.ts';

const syscalls = openSyscalls();

interface Pipe {
  readonly write: number;
  readonly heard: string[];
  /** Itself, until it is at its end. */
  readonly sources: () => EarlySource[];
}

function makePipe(): Pipe {
  const [fd, write] = syscalls.pipe2(0);
  const heard: string[] = [];
  let isOpen = true;
  const read = (): void => {
    const bytes = Buffer.alloc(100);
    const count = readSync(fd, bytes);
    heard.push(bytes.toString('utf8', 0, count));
    if (count === 0) closeSync(fd);
    isOpen = count > 0;
  };
  return { write, heard, sources: () => (isOpen ? [{ fd, read }] : []) };
}

test('all that is there is read, to the end of each source', async () => {
  const [one, other] = [makePipe(), makePipe()];
  writeSync(one.write, 'first');
  writeSync(other.write, 'second');
  for (const { write } of [one, other]) closeSync(write);
  await hearFirstMoment(() => [...one.sources(), ...other.sources()], syscalls, 60_000);
  assert.deepEqual(
    [one.heard, other.heard],
    [
      ['first', ''],
      ['second', ''],
    ],
  );
});

test('timers go on meanwhile, and may end it', async () => {
  const pipe = makePipe();
  let isOver = false;
  setTimeout(() => (isOver = true), 10);
  await hearFirstMoment(() => (isOver ? [] : pipe.sources()), syscalls, 60_000);
  assert.equal(isOver, true);
  assert.deepEqual(pipe.heard, []);
});

test('signals are heard meanwhile', async () => {
  const pipe = makePipe();
  process.once('SIGHUP', () => {
    closeSync(pipe.write);
  });
  setTimeout(() => process.kill(process.pid, 'SIGHUP'), 10);
  await hearFirstMoment(pipe.sources, syscalls, 60_000);
  assert.deepEqual(pipe.heard, ['']);
});

test('timers are heard though a source never stops', async () => {
  const pipe = makePipe();
  writeSync(pipe.write, 'x');
  let isOver = false;
  setTimeout(() => (isOver = true), 10);
  const source = { fd: pipe.sources()[0]?.fd ?? -1, read: () => undefined };
  await hearFirstMoment(() => (isOver ? [] : [source]), syscalls, 60_000);
  closeSync(pipe.write);
  closeSync(source.fd);
});

test('it ends when its time is over, whatever comes', async () => {
  const pipe = makePipe();
  writeSync(pipe.write, 'x');
  // Is never read, and so is always ready.
  const source = { fd: pipe.sources()[0]?.fd ?? -1, read: () => undefined };
  await hearFirstMoment(() => [source], syscalls, 20);
  closeSync(pipe.write);
  closeSync(source.fd);
});
