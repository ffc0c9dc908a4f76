/** An init that is forked off before hutch has read its command line: that it is used, and what becomes of it when the guess was wrong. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { openSyscalls } from '../../src/syscall/syscalls.ts';
import type { Guess } from '../../src/monitor/head-start.ts';
import { descendants, descendant, remaining } from './processes.ts';
import { assertRefused, containerTraces, hostSkip, makeSandbox, outcomeOf, printed } from './sandbox.ts';

function noLandlock(): string | false {
  return openSyscalls().landlockAbi() === 0 ? 'the kernel has no Landlock' : hostSkip();
}

describe('the head start', { skip: noLandlock() }, () => {
  const box = makeSandbox();
  const file = path.join(box.run, 'head-start');
  const RUN = ['run', '--rm', '--net', 'none', 'host'];

  const readGuess = (): Guess => JSON.parse(readFileSync(file, 'utf8')) as Guess;
  const isForked = (): boolean => descendants().some(({ command }) => command.startsWith('hutch-holder'));

  /** Runs a container; returns whether its init was forked off. */
  async function runs(...flags: readonly string[]): Promise<boolean> {
    const child = box.start([
      'run',
      '--rm',
      '--net',
      'none',
      ...flags,
      'host',
      'sh',
      '-c',
      'echo ready; exec sleep 1021',
    ]);
    const outcome = outcomeOf(child);
    await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), outcome]);
    const payload = await descendant(/^sleep 1021/u);
    const was = isForked();
    process.kill(payload.pid, 'SIGKILL');
    assert.equal(printed(await outcome, 137), 'ready\n');
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
    return was;
  }

  beforeEach(async () => void printed(await box.inHost('true')));

  it('is there for the run after the first', async () => {
    assert.equal(await runs(), true);
  });

  it('is given up where the plan wants other namespaces, which it gets', async () => {
    assert.equal(await runs('--pid', 'host'), false);
    assert.equal(await runs('--clock-offset', '86400'), false);
    assert.equal(await runs('--privileged'), false, 'it has no Landlock');
    assert.equal(await runs(), true);
  });

  it('carries out a plan for which it has to collect garbage', async () => {
    const flags = Array.from({ length: 400 }, (_, index) => [
      '--volume',
      `/usr:/mnt/${String(index)}:ro`,
      '--env',
      `VALUE_${String(index)}=${'x'.repeat(300)}`,
    ]);
    assert.equal(await runs(...flags.flat()), true);
  });

  it('leaves no helper of a network for which no container comes', async () => {
    const helpers = (): string[] =>
      descendants().flatMap(({ command }) => (command.includes('slirp4netns') ? [command] : []));
    printed(await box.hutch(['create', '--name', 'taken', '--net', 'none', 'host', 'true']));
    for (const flags of [[], ['-p', '18473:80']]) {
      const outcome = await box.hutch(['run', '--rm', ...flags, '--name', 'taken', 'host', 'true']);
      assertRefused(outcome, /taken/u);
      assert.deepEqual(helpers(), []);
      assert.deepEqual(
        readdirSync(box.run).filter((name) => name.startsWith('slirp.')),
        [],
      );
    }
    printed(await box.hutch(['rm', 'taken']));
    assert.equal(await remaining(), '');
  });

  it('ends with a command line that is wrong', async () => {
    assertRefused(await box.hutch(['run', '--no-such-flag', 'host', 'true']), /unknown flag --no-such-flag/u);
    assertRefused(await box.hutch(['run', '--rm', 'no-such-image', 'true']), /no-such-image/u);
    assert.match(printed(await box.hutch(['run', '--help'])), /^USAGE/mu);
    assert.equal(await remaining(), '');
  });

  for (const [title, change] of [
    ['ids that nobody may map', (guess: Guess) => withStart(guess, 4_000_000_000)],
    ['ids of before', (guess: Guess) => withoutLast(guess)],
    ['no time namespace', (guess: Guess) => ({ ...guess, hasTime: !guess.hasTime })],
    ['something else', () => 'no guess'],
  ] as const) {
    it(`that was made for ${title} is replaced`, async () => {
      const good = readGuess();
      writeFileSync(file, JSON.stringify(change(good)));
      assert.equal(await runs(), false);
      assert.deepEqual(readGuess(), good);
      assert.equal(await runs(), true);
    });
  }

  it('is not made from a file that is cut off', async () => {
    const good = readGuess();
    writeFileSync(file, JSON.stringify(good).slice(0, 40));
    assert.equal(await runs(), false);
    assert.deepEqual(readGuess(), good);
  });

  it('keeps nothing of the command line or the environment of hutch in the container', async () => {
    const seen = await box.hutch([...RUN, 'sh', '-c', 'cat /proc/1/environ /proc/1/cmdline; ls -l /proc/1/fd'], {
      env: { HUTCH_TEST_SECRET: 'sesame' },
    });
    assert.doesNotMatch(printed(seen), /sesame|run\.cjs/u);
  });
});

function withStart(guess: Guess, hostId: number): Guess {
  const map = guess.userNamespace.uidMap.map((extent, index) => (index === 0 ? extent : { ...extent, hostId }));
  const uidMap = map.length > 1 ? map : map.map((extent) => ({ ...extent, hostId }));
  return { ...guess, userNamespace: { ...guess.userNamespace, uidMap } };
}

function withoutLast(guess: Guess): Guess {
  const { uidMap } = guess.userNamespace;
  const fewer = uidMap.length > 1 ? uidMap.slice(0, -1) : uidMap.map((extent) => ({ ...extent, containerId: 1 }));
  return { ...guess, userNamespace: { ...guess.userNamespace, uidMap: fewer } };
}
