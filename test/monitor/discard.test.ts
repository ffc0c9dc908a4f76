/** Giving up a chain that was started on a wrong guess. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { discard } from '../../src/monitor/launch.ts';
import { takePrelaunched } from '../../src/monitor/prelaunch.ts';
import { eventually } from '../e2e/processes.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-discard-'));
after(() => rmSync(scratch, { recursive: true }));

/** A program with a child that does not end by itself, as unshare(1) has one while it writes its maps. */
async function startChain(): Promise<{ readonly pid: number; readonly child: number }> {
  const chain = spawn('sh', ['-c', 'sleep 1000 & echo $!; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(chain.stdout, 'data')) as [Buffer];
  return { pid: chain.pid ?? 0, child: Number(line.toString()) };
}

function openFifo(name: string): number {
  execFileSync('mkfifo', [path.join(scratch, name)]);
  return openSync(path.join(scratch, name), 'r+');
}

test('discard() ends every process of a chain that takePrelaunched() has found, whose channel has no names any more', async () => {
  const { pid, child } = await startChain();
  const [toInit, fromInit] = [openFifo('fifo.1.down'), openFifo('fifo.1.up')];
  const taken = takePrelaunched({ HUTCH_PRELAUNCH: `${String(pid)}:${String(toInit)}:${String(fromInit)}:0` });
  assert.deepEqual(readdirSync(scratch), []);
  assert.ok(taken !== undefined);
  discard(taken);
  const isGone = await eventually(() => (existsSync(`/proc/${child}`) ? undefined : true), 5000);
  if (isGone !== true) process.kill(child, 'SIGKILL');
  assert.equal(isGone, true);
});
