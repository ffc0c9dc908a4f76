/** Many containers in a row and at once: none fails, and none leaves a process, a mount, a file or a descriptor. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { remaining } from './processes.ts';
import { containerTraces, hostMounts, hostSkip, makeSandbox, type Outcome } from './sandbox.ts';

/** HUTCH_TEST_RUNS=200 is the long form. */
const RUNS = Number(process.env['HUTCH_TEST_RUNS'] ?? '') || 40;
const AT_ONCE = 20;
const LIMIT_MS = 115_000 + RUNS * 1000;

describe('hutch run, again and again', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const script = 'echo "$1"; ls /proc/self/fd | wc -l; exit $(($1 % 100))';
  const runOnce = (number: number, ...flags: readonly string[]): Promise<Outcome> =>
    box.hutch(['run', '--rm', '--net', 'none', ...flags, 'host', 'sh', '-c', script, 'sh', String(number)]);
  // The three streams, and the directory that ls reads.
  const expected = (number: number): Outcome => ({
    code: number % 100,
    signal: null,
    stdout: `${number}\n4\n`,
    stderr: '',
  });
  const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
  const allMounts = (): number => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length;

  async function assertNothingLeft(): Promise<void> {
    assert.equal(await remaining(), '');
    assert.deepEqual([hostMounts(box), containerTraces(box)], [[], []]);
    assert.deepEqual(
      readdirSync(box.run).filter((name) => name.endsWith('.tmp')),
      [],
    );
    assert.equal((await box.hutch(['ps', '-a', '-q'])).stdout, '');
  }

  it(`${RUNS} times in a row`, { timeout: LIMIT_MS }, async () => {
    await runOnce(1);
    const before = [openDescriptors(), allMounts()];
    for (let number = 0; number < RUNS; number += 1) assert.deepEqual(await runOnce(number), expected(number));
    assert.deepEqual([openDescriptors(), allMounts()], before);
    await assertNothingLeft();
  });

  it(`${RUNS} times, ${AT_ONCE} at once, every other as a user of the container`, { timeout: LIMIT_MS }, async () => {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < RUNS) {
        const number = next;
        next += 1;
        const user = number % 2 === 0 ? [] : ['-u', '1000'];
        assert.deepEqual(await runOnce(number, ...user), expected(number));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await assertNothingLeft();
  });

  it(
    `${RUNS} times with wrong words, ${AT_ONCE} at once: what was started ahead of them is given up`,
    { timeout: LIMIT_MS },
    async () => {
      await runOnce(1);
      const words = [['run', '--no-such-flag'], ['run', '--help'], ['run'], ['run', '--rm', '-w', 'x', 'host', 'true']];
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < RUNS) await box.hutch(words[(next += 1) % words.length] ?? []);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      await assertNothingLeft();
    },
  );

  it('the first time ever, on an empty store, 5 at once', async () => {
    const fresh = makeFresh();
    const outcomes = await Promise.all(
      [1, 2, 3, 4, 5].map((number) =>
        box.hutch(['run', '--rm', '--net', 'none', 'host', 'sh', '-c', script, 'sh', String(number)], { env: fresh }),
      ),
    );
    assert.deepEqual(outcomes, [1, 2, 3, 4, 5].map(expected));
    assert.equal(await remaining(), '');
  });

  it('with every driver and a network in turn', async () => {
    const variants = [
      ['--storage-driver', 'fuse-overlayfs'],
      ['--net', 'slirp4netns'],
      ['--pid', 'host'],
      ['-u', '1000'],
      [],
    ] as const;
    for (let number = 0; number < 15; number += 1) {
      const { code, stdout } = await runOnce(number, ...(variants[number % variants.length] ?? []));
      assert.deepEqual([code, stdout], [number % 100, `${number}\n4\n`], String(variants[number % variants.length]));
    }
    await assertNothingLeft();
  });

  function makeFresh(): NodeJS.ProcessEnv {
    return { HUTCH_DATA: `${box.directory}/fresh` };
  }
});
