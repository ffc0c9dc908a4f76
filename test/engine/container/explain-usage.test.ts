/** explainUsage(): what `hutch why` says of counters; and what of them explains an end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainEnd } from '../../../src/engine/container/explain-end.ts';
import { explainUsage } from '../../../src/engine/container/explain-usage.ts';
import type { ContainerEvent } from '../../../src/state/events.ts';

const MIB = 1024 ** 2;

test('explainUsage() has a sentence for each resource, with limits and what became of them', () => {
  const sentences = explainUsage({
    'memory.peak': { value: 120 * MIB },
    'memory.max': { value: 120 * MIB },
    'memory.events': { low: 0, high: 7, max: 30, oom: 1, oom_kill: 2 },
    'memory.swap.events': { max: 1 },
    'cpu.stat': { usage_usec: 1_170_000, nr_periods: 60, nr_throttled: 58, throttled_usec: 3_800_000 },
    'pids.peak': { value: 5 },
    'pids.max': { value: 5 },
    'pids.events': { max: 3 },
  });
  assert.deepEqual(sentences, [
    'memory: 120MiB at most of its limit of 120MiB, slowed down 7 times above --memory-high',
    'memory: 2 processes killed for lack of it',
    'swap: its limit was met once',
    'processor: 1.17 s, and its limit was met in 97 % of the time slices (58 of 60), which held it up for 3.80 s',
    'processes and threads: 5 at once of its limit of 5, one more was refused 3 times',
  ]);
});

test('explainUsage() says nothing of what was not counted', () => {
  assert.deepEqual(explainUsage(null), []);
  assert.deepEqual(explainUsage({}), []);
  const plain = {
    'cpu.stat': { usage_usec: 12_000_000, nr_periods: 0, nr_throttled: 0 },
    'memory.events': { oom_kill: 0 },
  };
  assert.deepEqual(explainUsage(plain), ['processor: 12 s']);
});

const died = (exitCode: number, attributes: Record<string, string>): string => {
  const event = (action: ContainerEvent['action'], more = {}): ContainerEvent => ({
    ...{ time: '2026-01-31T12:00:00.000Z', type: 'container', action, id: 'a', name: 'a', image: 'i' },
    attributes: more,
  });
  const state = {
    exitCode,
    signal: exitCode > 128 ? exitCode - 128 : null,
    reason: null,
    isStopped: false,
    oomKilled: false,
  };
  return explainEnd({ state, events: [event('start'), event('die', attributes)], endedSession: null }).join('\n');
};

test('explainEnd() names the limit that killed', () => {
  const text = died(137, { memoryKills: '1', memoryLimit: String(64 * MIB), memoryPeak: String(64 * MIB) });
  assert.match(
    text,
    /killed 1 process\(es\) of it for lack of memory: its limit is 64MiB \(--memory\), after it had taken 64MiB$/u,
  );
});

test('explainEnd() tells of refused processes only where something went wrong', () => {
  const attributes = { refusedForks: '12', pidsLimit: '20', throttledMicroseconds: '3000' };
  assert.match(
    died(1, attributes),
    /12 time\(s\) it could not start a process: .* limit of 20 \(--pids-limit\)\n.* for 3 ms$/u,
  );
  assert.doesNotMatch(died(0, attributes), /limit/u);
});
