/** What a detached container costs while it waits: no processor time, and no more memory than its monitor needs. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendant, descendants, eventually } from './processes.ts';
import { networkSkip } from './network-answers.ts';
import { hostSkip, makeSandbox, printed } from './sandbox.ts';

/** A tenth more than what is meant: 10 MiB. */
const MOST_KIB = 11 * 1024;

/** Memory that no other process shares, file pages aside, in KiB. Source: proc_pid_smaps(5). */
function ownKib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty: *(\d+) kB$/mu.exec(text)?.[1]);
}

/** Clock ticks in user and kernel mode. Source: proc_pid_stat(5). */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /u, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** How often it has waited for something and was woken. Source: proc_pid_status(5). */
function wakings(pid: number): number {
  return Number(/^voluntary_ctxt_switches:\s*(\d+)$/mu.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}

/** Looks at stretches of ten seconds until nobody did anything in one; returns who did in the last one. V8 tidies up a few times before it rests. */
async function comesToRest(): Promise<string[]> {
  let busy: string[] = [];
  for (let stretch = 0; stretch < 5; stretch += 1) {
    const all = descendants().map((seen) => ({ ...seen, before: ticks(seen.pid) }));
    assert.ok(all.length >= 2, 'monitor and container');
    await sleep(10_000);
    busy = all.filter(({ pid, before }) => ticks(pid) !== before).map(({ command }) => command);
    if (busy.length === 0) break;
  }
  return busy;
}

describe('a detached container that waits', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const rests: number[] = [];
  // One whose resolv.conf follows the host's has more to wait for.
  const network = networkSkip() === false ? 'slirp4netns' : 'none';
  for (const [title, start] of [
    ['run -d', [['run', '-d', '--name', 'idle', '--net', network, 'host', 'sleep', '1000']]],
    [
      'start',
      [
        ['create', '--name', 'idle', '--net', network, 'host', 'sleep', '1000'],
        ['start', 'idle'],
      ],
    ],
  ] as const)
    it(
      `of ${title}: its monitor gives memory back, and then takes no processor time`,
      { timeout: 120_000 },
      async (t) => {
        for (const argv of start) printed(await box.hutch(argv));
        const { pid } = await descendant(/^hutch monitor idle/u);
        const before = ownKib(pid);
        const isLess = await eventually(() => (ownKib(pid) < MOST_KIB ? true : undefined), 40_000);
        const busy = await comesToRest();
        const woken = wakings(pid);
        await sleep(6000);
        assert.equal(wakings(pid), woken, 'nothing wakes the monitor');
        const rest = ownKib(pid);
        t.diagnostic(`own memory: ${before} KiB, then ${rest} KiB`);
        assert.ok(isLess === true && rest < MOST_KIB, `${before} KiB at first, ${rest} KiB now`);
        rests.push(rest);
        printed(await box.hutch(['rm', '-f', 'idle']));
        assert.deepEqual(busy, []);
      },
    );

  it('the monitor that hutch run has become needs hardly more than one that is nothing else', () => {
    const [afterRun = 0, afterStart = 0] = rests;
    assert.ok(
      afterStart > 0 && afterRun < afterStart * 1.1,
      `${afterRun} KiB after run -d, ${afterStart} KiB after start`,
    );
  });

  it('control: a process that does something is seen doing it', async () => {
    const [before, woken] = [ticks(process.pid), wakings(process.pid)];
    const end = performance.now() + 200;
    while (performance.now() < end);
    assert.ok(ticks(process.pid) > before);
    await sleep(20);
    assert.ok(wakings(process.pid) > woken);
  });
});
