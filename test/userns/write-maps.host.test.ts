/** writeMaps() for processes that are there, and one that is not any more. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { writeMaps } from '../../src/userns/write-maps.ts';
import { hostSkip } from '../e2e/sandbox.ts';

describe('writeMaps()', { skip: hostSkip() }, () => {
  it('leaves a process alone that ended before it made its namespace', async () => {
    const child = spawn('true', { stdio: 'ignore' });
    const { pid = 0 } = child;
    await once(child, 'exit');
    const id = [{ containerId: 0, hostId: 0, count: 1 }];
    for (const writer of ['newuidmap', 'parent'] as const) await writeMaps(pid, { uidMap: id, gidMap: id, writer });
  });

  it('fails when the namespace is there and the map is not one for the caller', async () => {
    const child = spawn('unshare', ['--user', 'sleep', '100'], { stdio: 'ignore' });
    try {
      const id = [{ containerId: 0, hostId: 0, count: 1 }];
      const map = writeMaps(child.pid ?? 0, { uidMap: id, gidMap: id, writer: 'newuidmap' });
      await assert.rejects(map, { code: 'USERNS_FAILED', message: /^newuidmap refused the map 0 0 1: / });
    } finally {
      child.kill('SIGKILL');
    }
  });
});
