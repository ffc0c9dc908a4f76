/** Probing again and again, with a probe of the test's own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HealthWatch, type RunProbe } from '../../src/monitor/health-watch.ts';
import type { Health, HealthCheck } from '../../src/state/health.ts';

const CHECK: HealthCheck = {
  command: [],
  intervalMs: 5,
  timeoutMs: 10_000,
  startPeriodMs: 0,
  startIntervalMs: 5,
  retries: 2,
};

/** Watches until `isEnough`, and returns each turn of the status. */
async function turns(probe: RunProbe, isEnough: (health: Health) => boolean, check = CHECK): Promise<Health[]> {
  const seen: Health[] = [];
  await new Promise<void>((resolve) => {
    const watch = new HealthWatch({
      check,
      probe,
      onChange: (health, hasTurned) => {
        if (hasTurned) seen.push(health);
        if (!isEnough(health)) return;
        watch[Symbol.dispose]();
        resolve();
      },
    });
  });
  return seen;
}

test('a HealthWatch tells each turn once', async () => {
  const codes = [0, 0, 1, 1, 1, 0];
  const probe: RunProbe = () => Promise.resolve({ exitCode: codes.shift() ?? 0, output: 'words' });
  const seen = await turns(probe, ({ status }) => codes.length === 0 && status === 'healthy');
  assert.deepEqual(
    seen.map(({ status }) => status),
    ['starting', 'healthy', 'unhealthy', 'healthy'],
  );
  assert.equal(seen.at(-1)?.log.at(-1)?.output, 'words');
});

test('a probe that takes too long is ended, and has failed; so has one that cannot be run', async () => {
  const slow: RunProbe = async (signal) => {
    await sleep(10_000, undefined, { signal }).catch(() => undefined);
    return { exitCode: 0, output: 'late' };
  };
  const isBad = ({ status }: Health): boolean => status === 'unhealthy';
  const [, timedOut] = await turns(slow, isBad, { ...CHECK, timeoutMs: 20 });
  assert.deepEqual([timedOut?.log[0]?.exitCode, timedOut?.log[0]?.output], [-1, 'took longer than 0.02 s; late']);
  const [, failed] = await turns(() => Promise.reject(new Error('no such program')), isBad);
  assert.deepEqual([failed?.log[0]?.exitCode, failed?.log[0]?.output], [-1, 'no such program']);
});

test('a HealthWatch that is disposed of ends its probe and starts no other', async () => {
  let begun = 0;
  let ended = 0;
  const probe: RunProbe = async (signal) => {
    begun += 1;
    await sleep(10_000, undefined, { signal }).catch(() => {
      ended += 1;
    });
    return { exitCode: 0, output: '' };
  };
  let changes = 0;
  const watch = new HealthWatch({ check: CHECK, probe, onChange: () => (changes += 1) });
  while (begun === 0) await sleep(5);
  watch[Symbol.dispose]();
  await sleep(50);
  assert.deepEqual([begun, ended, changes], [1, 1, 1]);
});
