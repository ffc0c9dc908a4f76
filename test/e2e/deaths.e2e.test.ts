/** A process of a running container is killed or stopped, each in turn: what happens then, and that nothing is left. */

import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { descendant, descendants, remaining } from './processes.ts';
import { containerTraces, hostMounts, hostSkip, makeSandbox, outcomeOf, printed, type Outcome } from './sandbox.ts';

/** Programs without which the fullest chain cannot be made. */
function skipReason(): string | false {
  const missing = ['/usr/bin/fuse-overlayfs', '/dev/fuse', '/usr/bin/slirp4netns', '/dev/net/tun'].find(
    (needed) => !existsSync(needed),
  );
  return missing === undefined ? hostSkip() : `${missing} is missing`;
}

/** What a process is for, how its command line begins, and whether it is one of a chain: then init was not forked off. */
const CHAIN: readonly (readonly [string, RegExp, boolean])[] = [
  ['the outer unshare', /^unshare --mount /u, true],
  ['the holder of a chain', /^sh -p -c protected=/u, true],
  ['the inner unshare', /^unshare --pid --fork --time /u, true],
  ['the payload of a chain', /^sleep 1005/u, true],
  ['the holder', /^hutch-holder/u, false],
  ['the payload', /^sleep 1005/u, false],
];
const HELPERS: readonly (readonly [string, RegExp, boolean])[] = [
  ['slirp4netns', /^\S*slirp4netns /u, true],
  ['fuse-overlayfs', /^\S*fuse-overlayfs /u, false],
];

describe('the death of', { skip: skipReason() }, () => {
  const box = makeSandbox();

  /** Starts a container that has every process there can be. */
  async function start(isChained = false): Promise<{ readonly pid: number; readonly outcome: Promise<Outcome> }> {
    const guess = path.join(box.run, 'head-start');
    if (isChained) rmSync(guess, { force: true });
    else if (!existsSync(guess)) printed(await box.inHost('true'));
    const child = box.start([
      ...['run', '--rm', '--name', 'victim', '--net', 'slirp4netns', '--storage-driver', 'fuse-overlayfs'],
      ...['host', 'sh', '-c', 'echo ready; exec sleep 1005'],
    ]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await descendant(/^sleep 1005/u);
    return { pid: child.pid ?? 0, outcome: outcomeOf(child) };
  }

  async function assertNothingLeft(): Promise<void> {
    assert.equal(await remaining(), '');
    assert.deepEqual([containerTraces(box), hostMounts(box)], [[], []]);
  }

  const kill = async (pattern: RegExp): Promise<void> => {
    process.kill((await descendant(pattern)).pid, 'SIGKILL');
  };

  for (const [title, pattern, isChained] of CHAIN) {
    it(`${title} ends the container as by SIGKILL, and hutch clears up`, async () => {
      const { outcome } = await start(isChained);
      await kill(pattern);
      assert.equal(printed({ ...(await outcome), stdout: '' }, 137), '');
      await assertNothingLeft();
    });
  }

  for (const [title, pattern, comesBack] of HELPERS) {
    it(`${title} leaves the container to go on, and hutch clears up after it`, async () => {
      const { outcome } = await start();
      await kill(pattern);
      assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}} {{.State}}'])), 'victim running\n');
      assert.ok(descendants().some(({ command }) => command.startsWith('sleep 1005')));
      if (comesBack) await descendant(pattern);
      else assert.ok(!descendants().some(({ command }) => pattern.test(command)), 'nobody starts it again');
      await kill(/^sleep 1005/u);
      assert.equal((await outcome).code, 137);
      await assertNothingLeft();
    });
  }

  it('nobody, but hutch stands still: ps answers, and rm -f removes the container all the same', async () => {
    const { pid, outcome } = await start();
    process.kill(pid, 'SIGSTOP');
    assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}} {{.State}}'])), 'victim running\n');
    assert.equal(printed(await box.hutch(['rm', '-f', 'victim'])), 'victim\n');
    assert.deepEqual(containerTraces(box), []);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // rm has ended it.
    }
    await outcome;
    await assertNothingLeft();
  });
});
