/** The chain of namespaces as the monitor sees it: when it has ended, and what of it must not stay. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifyProcess } from '../../src/host/process-identity.ts';
import { launch } from '../../src/monitor/launch.ts';
import { openSyscalls } from '../../src/syscall/syscalls.ts';
import { eventually } from '../e2e/processes.ts';

const NOBODY = { uidMap: [], gidMap: [], writer: 'self' } as const;

test('listen() ends when the first program of a chain is killed, though a child of it keeps the channel', async () => {
  const syscalls = openSyscalls();
  const launched = await launch({
    // As unshare(1) while the child that writes its maps waits.
    chain: { argv: ['sh', '-c', 'sleep 30 & echo $! >&2; kill -KILL $$'], mapping: 'inline' },
    userNamespace: NOBODY,
    syscalls: () => syscalls,
  });
  const words: string[] = [];
  await launched.listen((line) => {
    if (line.event === 'text') words.push(line.text);
  });
  const child = Number(words[0]);
  assert.ok(child > 1, 'control: it was there');
  assert.equal(await eventually(() => (identifyProcess(child) === undefined ? 'gone' : undefined)), 'gone');
});
