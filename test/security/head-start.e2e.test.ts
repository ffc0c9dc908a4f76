/** An init that was forked off hutch has hutch's memory until it executes the payload: no container may look into it. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { descendants, remaining, type SeenProcess } from '../e2e/processes.ts';
import { hostSkip, makeSandbox, outcomeOf, printed } from '../e2e/sandbox.ts';

/** What a spy tries on a process: none of it may print `got`. */
const TRIES = [
  'grep -q SESAME /proc/$1/environ && echo got environ',
  'head -c 1 /proc/$1/maps | grep -q . && echo got maps',
  'readlink /proc/$1/exe && echo got exe',
  'readlink /proc/$1/fd/3 && echo got fd',
  'ls /proc/$1/root/ && echo got root',
  'test -e /proc/$1/cwd/. && echo got cwd',
];

/** `self`: tries it on itself. */
const SPY = `exec 2>/dev/null\n[ "$1" = self ] && set -- $$\n${TRIES.join('\n')}\ntrue`;

describe('a forked init', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  /** Starts a run and stops its init before it has its plan, or soon after. */
  async function catchInit(): Promise<{ readonly init: SeenProcess; readonly end: () => Promise<void> }> {
    for (let round = 0; round < 50; round += 1) {
      const child = box.start(['run', '--rm', '--net', 'none', 'host', 'true'], { env: { HUTCH_SPIED: 'SESAME' } });
      const outcome = outcomeOf(child);
      const state = { hasEnded: false };
      void outcome.then(() => (state.hasEnded = true));
      while (!state.hasEnded) {
        const init = descendants().find(({ command }) => command.startsWith('hutch-init'));
        if (init !== undefined && stop(init)) {
          const end = async (): Promise<void> => {
            process.kill(init.pid, 'SIGCONT');
            printed(await outcome);
          };
          return { init, end };
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    throw new Error('init was never seen');
  }

  /** False when it has become the payload meanwhile. */
  function stop({ pid }: SeenProcess): boolean {
    process.kill(pid, 'SIGSTOP');
    if (commandOf(pid).startsWith('hutch-init')) return true;
    process.kill(pid, 'SIGCONT');
    return false;
  }

  const commandOf = (pid: number): string => {
    const file = `/proc/${String(pid)}/cmdline`;
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };

  it('is closed to a container of the same user that has the host’s pids and may trace', async () => {
    printed(await box.inHost('true'));
    // Without any fence of ours, and with CAP_SYS_PTRACE.
    const spy = [...['run', '--rm', '--net', 'none', '--privileged', '--pid', 'host', 'host'], 'sh', '-c', SPY, 'sh'];
    const look = async (who: string): Promise<string> => printed(await box.hutch([...spy, who]));
    const { init, end } = await catchInit();
    const holder = descendants().find(({ command }) => command.startsWith('hutch-holder'));
    try {
      assert.match(readFileSync(`/proc/${String(init.pid)}/environ`, 'latin1'), /SESAME/u, 'control: it is in there');
      assert.equal(await look(String(init.pid)), '');
      assert.equal(await look(String(holder?.pid ?? 0)), '');
      assert.match(await look('self'), /got maps\n[^]*got exe\n[^]*got root\n/u, 'control: it can, of its own');
    } finally {
      await end();
    }
    assert.equal(await remaining(), '');
  });
});
