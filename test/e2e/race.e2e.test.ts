/** Commands that meet at one container: one of them wins where only one can, the others say so in words, and nothing is left of any. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { randomness } from '../helpers/random-conditions.ts';
import { eventually, remaining } from './processes.ts';
import { assertRefused, containerTraces, hostMounts, hostSkip, makeSandbox, printed } from './sandbox.ts';
import type { Outcome } from './sandbox.ts';

/** HUTCH_TEST_SEED repeats the pauses of a run, if not its timing. */
const SEED = Number(process.env['HUTCH_TEST_SEED'] ?? '') || 20_242;
const ROUNDS = 8;
const TALKS = 'trap "exit 0" TERM; while :; do echo tick; sleep 0.02; done';
/** What may be said of a container that somebody else has just ended, removed, or is at. */
const TOO_LATE =
  /^hutch: (?:there is no container "\w+"|container "?\w+"? (?:is not running|is running|has just ended|was stopped or removed by somebody else))/u;

describe(`at once (seed ${SEED})`, { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const { below } = randomness(SEED, []);
  const detach = async (name: string, ...flags: readonly string[]): Promise<void> => {
    printed(await box.hutch(['run', '-d', '--name', name, '--net', 'none', ...flags, 'host', 'sh', '-c', TALKS]));
  };
  const later = async (argv: readonly string[], most = 150): Promise<Outcome> => {
    await sleep(below(most));
    return box.hutch(argv);
  };
  const assertNothingLeft = async (): Promise<void> => {
    assert.equal(await remaining(5000), '');
    assert.deepEqual([...containerTraces(box), ...hostMounts(box)], []);
  };
  /** One that comes too late is refused in words; `good` are the exit codes of those who do not. */
  const assertGoodOrLate = (outcome: Outcome, good: readonly number[] = [0]): void => {
    if (outcome.code === 125) assertRefused({ ...outcome, stdout: '' }, TOO_LATE);
    else assert.ok(good.includes(outcome.code ?? -1) && outcome.stderr === '', JSON.stringify(outcome));
  };
  /** As that; and `rm -f` of what somebody else has removed says so, and has got what it wanted. */
  const assertRemovedOrLate = (outcome: Outcome): void => {
    const isGone = outcome.code === 0 && outcome.stdout === '' && TOO_LATE.test(outcome.stderr);
    if (!isGone) assertGoodOrLate(outcome);
  };

  it('twenty runs of one name: one has it, nineteen are told whose it is', async () => {
    const argv = ['run', '--rm', '-i', '--net', 'none', '--name', 'same', 'host', 'cat'];
    const children = Array.from({ length: 20 }, () => box.start(argv));
    const codes = children.map(() => null as number | null);
    const all = children.map(async (child, index) => {
      const output = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
      await once(child, 'close');
      codes[index] = child.exitCode;
      return { ...output, code: child.exitCode, signal: child.signalCode };
    });
    // The winner ends with its input, which is open until all others have ended.
    const winner = await eventually(() => {
      const open = codes.flatMap((code, index) => (code === null ? [index] : []));
      return open.length === 1 ? open[0] : undefined;
    }, 40_000);
    assert.ok(winner !== undefined, `still there: ${codes.join()}`);
    for (const child of children) child.stdin.on('error', () => undefined).end('won\n');
    const outcomes = await Promise.all(all);
    assert.deepEqual(outcomes[winner], { code: 0, signal: null, stdout: 'won\n', stderr: '' });
    for (const outcome of outcomes.toSpliced(winner, 1))
      assertRefused(outcome, /^hutch: the name "same" is in use by container [0-9a-f]{12}\n/u);
    await assertNothingLeft();
  });

  it('ten starts of one container: it runs once, and all ten are content', async () => {
    printed(await box.hutch(['create', '--name', 'one', '--net', 'none', 'host', 'sh', '-c', `echo up; ${TALKS}`]));
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => box.hutch(['start', 'one'])));
    for (const outcome of outcomes) assert.equal(printed(outcome), 'one\n');
    assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}}'])), 'one\n');
    assert.equal((await box.hutch(['logs', 'one'])).stdout.match(/up/gu)?.length, 1);
    printed(await box.hutch(['rm', '-f', 'one']));
    await assertNothingLeft();
  });

  it('exec against rm -f', { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await detach('one');
      const [exec, rm] = await Promise.all([
        later(['exec', 'one', 'sh', '-c', 'echo in; sleep 0.05']),
        later(['rm', '-f', 'one']),
      ]);
      assert.equal(printed(rm), 'one\n');
      assertGoodOrLate(exec, [0, 137]);
      if (exec.code === 0) assert.equal(exec.stdout, 'in\n');
      await assertNothingLeft();
    }
  });

  it('logs -f against rm -f', { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await detach('one');
      const [logs, rm] = await Promise.all([later(['logs', '-f', 'one']), later(['rm', '-f', 'one'], 300)]);
      assert.equal(printed(rm), 'one\n');
      assertGoodOrLate(logs);
      assert.match(logs.stdout, /^(?:tick\n)*$/u, 'no line is cut');
      await assertNothingLeft();
    }
  });

  it('rm of those that have ended against run and start of the same name', { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      printed(await box.hutch(['run', '--name', 'one', '--net', 'none', 'host', 'true']));
      const [rm, start, run] = await Promise.all([
        later(['rm', 'one']),
        later(['start', 'one']),
        later(['run', '-d', '--name', 'one', '--net', 'none', 'host', 'true']),
      ]);
      assertGoodOrLate(rm);
      assertGoodOrLate(start);
      if (run.code !== 0) assertRefused(run, /^hutch: the name "one" is in use/u);
      await box.hutch(['rm', '-f', 'one']);
      await assertNothingLeft();
    }
  });

  it('container prune against run, create and start', { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      printed(await box.hutch(['run', '--name', 'ended', '--net', 'none', 'host', 'true']));
      const [prune, run, create] = await Promise.all([
        later(['container', 'prune', '-f']),
        later(['run', '--name', 'lives', '--net', 'none', 'host', 'echo', 'ran']),
        later(['create', '--name', 'made', '--net', 'none', 'host', 'true']),
        later(['start', 'ended']),
      ]);
      assert.deepEqual([prune.code, prune.stderr], [0, '']);
      // It takes what has ended and what was only made, but nothing from under a container that runs or is being made.
      assert.equal(printed(run), 'ran\n');
      printed(create);
      const left = printed(await box.hutch(['ps', '-aq']))
        .split('\n')
        .filter((id) => id !== '');
      if (left.length > 0) printed(await box.hutch(['rm', '-f', ...left]));
      await assertNothingLeft();
    }
  });

  it('stop, restart and rm -f', { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await detach('one');
      const [stop, restart, rm] = await Promise.all([
        later(['stop', '-t', '1', 'one']),
        later(['restart', '-t', '1', 'one']),
        later(['rm', '-f', 'one'], 300),
      ]);
      for (const outcome of [stop, restart]) assertGoodOrLate(outcome);
      // Who lost the race for its removal left it to us.
      const left = await box.hutch(['rm', '-f', 'one']);
      for (const outcome of [rm, left]) assertRemovedOrLate(outcome);
      assert.ok([rm, left].some(({ stdout }) => stdout === 'one\n'));
      await assertNothingLeft();
    }
  });

  it('rename against start', { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      printed(await box.hutch(['create', '--rm', '--name', 'old', '--net', 'none', 'host', 'sh', '-c', TALKS]));
      const [rename, start] = await Promise.all([later(['rename', 'old', 'new']), later(['start', 'old'])]);
      printed(rename);
      assertGoodOrLate(start);
      if (start.code !== 0) printed(await box.hutch(['start', 'new']));
      assert.equal(printed(await box.hutch(['ps', '--format', '{{.Names}}'])), 'new\n');
      // Its monitor removes it, and knew it by the old name.
      printed(await box.hutch(['stop', 'new']));
      await assertNothingLeft();
    }
  });

  it('two renames to one name, and twenty rm -f of one container', async () => {
    // No hexadecimal digits: those may also be the beginning of an id.
    await detach('x');
    await detach('y');
    const renames = await Promise.all(['x', 'y'].map((name) => box.hutch(['rename', name, 'z'])));
    assert.equal(renames.filter(({ code }) => code === 0).length, 1);
    for (const outcome of renames)
      if (outcome.code !== 0) assertRefused(outcome, /^hutch: the name "z" is in use by container/u);
    const removals = await Promise.all(Array.from({ length: 20 }, () => box.hutch(['rm', '-f', 'z'])));
    for (const outcome of removals) assertRemovedOrLate(outcome);
    assert.ok(removals.some(({ stdout }) => stdout === 'z\n'));
    printed(await box.hutch(['rm', '-f', ...(renames[0]?.code === 0 ? ['y'] : ['x'])]));
    await assertNothingLeft();
  });
});
