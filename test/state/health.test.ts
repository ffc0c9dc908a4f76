/** When a container counts as healthy. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterProbe,
  healthText,
  NEW_HEALTH,
  nextProbeMs,
  type Health,
  type HealthCheck,
} from '../../src/state/health.ts';

const CHECK: HealthCheck = {
  command: ['true'],
  intervalMs: 30_000,
  timeoutMs: 30_000,
  startPeriodMs: 10_000,
  startIntervalMs: 5000,
  retries: 2,
};

/** The health after probes with these exit codes at these ages. */
function after(...probes: readonly (readonly [exitCode: number, ageMs: number])[]): Health {
  return probes.reduce(
    (health, [exitCode, ageMs]) => afterProbe(health, { start: '', end: '', exitCode, output: '' }, CHECK, ageMs),
    NEW_HEALTH,
  );
}

test('afterProbe: failures in a row make it unhealthy, one success healthy', () => {
  assert.deepEqual([after([0, 20_000]).status, after([1, 20_000]).status], ['healthy', 'starting']);
  const bad = after([0, 20_000], [1, 20_000], [-1, 20_000]);
  assert.deepEqual([bad.status, bad.failingStreak], ['unhealthy', 2]);
  const again = after([1, 20_000], [1, 20_000], [0, 20_000], [1, 20_000]);
  assert.deepEqual([again.status, again.failingStreak], ['healthy', 1]);
});

test('afterProbe: failures do not count while it starts, but after its first success they do', () => {
  assert.deepEqual(after([1, 1], [1, 2], [1, 3]).status, 'starting');
  assert.equal(after([1, 1], [1, 2]).failingStreak, 0);
  assert.equal(after([0, 1], [1, 2], [1, 3]).status, 'unhealthy');
});

test('afterProbe keeps the last five probes', () => {
  const { log } = after(...Array.from({ length: 8 }, (_, index) => [index, 20_000] as const));
  assert.deepEqual(
    log.map(({ exitCode }) => exitCode),
    [3, 4, 5, 6, 7],
  );
});

test('nextProbeMs: more often while it starts', () => {
  assert.equal(nextProbeMs(NEW_HEALTH, CHECK, 0), 5000);
  assert.equal(nextProbeMs(NEW_HEALTH, CHECK, 10_000), 30_000);
  assert.equal(nextProbeMs(after([0, 1]), CHECK, 2), 30_000);
  assert.equal(nextProbeMs(NEW_HEALTH, { ...CHECK, intervalMs: 1000 }, 0), 1000);
});

test('healthText is what docker writes behind the time', () => {
  assert.equal(healthText(undefined), '');
  assert.equal(healthText(NEW_HEALTH), ' (health: starting)');
  assert.equal(healthText(after([0, 1])), ' (healthy)');
});
