/** What stats makes of two looks, and of a cgroup in which controllers are missing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completed, sinceBefore } from '../../../src/engine/container/container-stats.ts';
import { statsOf, usageOf } from './stats-samples.ts';

const at = (takenAtMs: number, usageMicroseconds: number, life = 'first') =>
  statsOf({ life, usage: usageOf({ takenAtMs, cpu: { usageMicroseconds } }) });

test('sinceBefore() gives percent of one processor', () => {
  assert.equal(sinceBefore(at(2000, 1_500_000), at(1000, 1_000_000)).cpuPercent, 50);
  assert.equal(sinceBefore(at(2000, 3_000_000), at(1000, 1_000_000)).cpuPercent, 200, 'two processors');
});

test('sinceBefore() knows nothing without a look before, or after another start', () => {
  assert.equal(sinceBefore(at(2000, 5), undefined).cpuPercent, null);
  assert.equal(sinceBefore(at(2000, 5, 'second'), at(1000, 1)).cpuPercent, null);
  assert.equal(sinceBefore(statsOf({ usage: null }), at(1000, 1)).cpuPercent, null);
  assert.equal(sinceBefore(at(1000, 5), at(1000, 1)).cpuPercent, null, 'no time has passed');
});

test('sinceBefore() never goes below zero', () => {
  assert.equal(sinceBefore(at(2000, 500_000), at(1000, 1_000_000)).cpuPercent, 0);
});

test('completed() takes from the sum over processes only what the cgroup does not count', () => {
  const counted = usageOf({
    memory: { currentBytes: null, usageBytes: null, limitBytes: 77, by: null },
    tasks: { count: 3 },
    io: null,
  });
  const summed = usageOf({
    cpu: { usageMicroseconds: 1 },
    memory: { currentBytes: 9, usageBytes: 9, by: 'pss' },
    tasks: { count: 8 },
    io: { readBytes: 1, writtenBytes: 2, devices: [] },
  });
  const usage = completed(counted, summed);
  assert.equal(usage.cpu, counted.cpu);
  assert.deepEqual([usage.memory.usageBytes, usage.memory.limitBytes, usage.memory.by], [9, 77, 'pss']);
  assert.equal(usage.tasks.count, 3);
  assert.equal(usage.io?.writtenBytes, 2);
});
