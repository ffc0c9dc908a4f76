/** findFault() and parseQueues(): whether a rate that was set stands, as tc(8) tells it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseQueues } from '../../src/host/network-queues.ts';
import { findFault } from '../../src/monitor/limit-network.ts';
import { changeCommands, rateCommands, rateText } from '../../src/plan/network-rate.ts';

const RATE = { device: 'tap0', bitsPerSecond: 8e6, burstBytes: 131_072 };

/** As iproute2 6.1 prints it. */
const SHOWN = `[
{"kind":"noqueue","handle":"0:","dev":"lo","root":true,"refcnt":2,"options":{},"bytes":0,"packets":0,"drops":0,"overlimits":0},
{"kind":"tbf","handle":"8001:","dev":"tap0","root":true,"refcnt":2,"options":{"rate":1000000,"burst":131072,"lat":500000},"bytes":90,"packets":1,"drops":3,"overlimits":7,"requeues":0},
{"kind":"ingress","handle":"ffff:","dev":"tap0","parent":"ffff:fff1","options":{},"bytes":0,"packets":0,"drops":0,"overlimits":0},
{"kind":"tbf","handle":"8002:","dev":"ifb0","root":true,"refcnt":2,"options":{"rate":1000000,"burst":131070,"lat":500000},"bytes":0,"packets":0,"drops":0,"overlimits":0}]`;

test('parseQueues() reads rates as bits and keeps what has passed', () => {
  const tap = parseQueues(SHOWN)?.find(({ kind, device }) => kind === 'tbf' && device === 'tap0');
  const passed = { bytes: 90, packets: 1, drops: 3, overlimits: 7 };
  assert.deepEqual(tap, { device: 'tap0', kind: 'tbf', bitsPerSecond: 8e6, burstBytes: 131_072, ...passed });
  assert.equal(parseQueues('qdisc tbf 8001:'), undefined);
  assert.equal(parseQueues('{}'), undefined);
});

test('findFault() finds nothing when all stands, rounding apart', () => {
  assert.equal(findFault(RATE, parseQueues(SHOWN) ?? []), undefined);
});

test('findFault() names the device whose queue is missing or has another rate', () => {
  const queues = parseQueues(SHOWN) ?? [];
  assert.match(
    findFault(
      RATE,
      queues.filter(({ device }) => device !== 'ifb0'),
    ) ?? '',
    /^ifb0/u,
  );
  assert.match(
    findFault(
      RATE,
      queues.filter(({ kind }) => kind !== 'ingress'),
    ) ?? '',
    /not led through ifb0/u,
  );
  assert.match(findFault({ ...RATE, bitsPerSecond: 9e6 }, queues) ?? '', /^tap0/u);
  assert.match(findFault({ ...RATE, burstBytes: 262_144 }, queues) ?? '', /^tap0/u);
});

test('rateCommands() put the same bucket on both devices and lead in what comes last of all', () => {
  const lines = rateCommands(RATE).map(({ argv }) => argv.join(' '));
  const buckets = lines.filter((line) => line.endsWith('tbf rate 8000000bit burst 131072b limit 631072b'));
  assert.equal(buckets.length, 2);
  assert.match(lines.at(-1) ?? '', /^tc filter add dev tap0 .* redirect dev ifb0$/u);
});

test('rateText() uses the largest unit in which the rate is whole', () => {
  assert.deepEqual([8e6, 1_500_000, 1e9, 1_048_576].map(rateText), ['8mbit', '1500kbit', '1gbit', '1048576bit']);
});

test('changeCommands() exchanges both queues as they stand, and adds nothing', () => {
  const words = changeCommands({ ...RATE, bitsPerSecond: 4e6 }).map(({ argv }) => argv.join(' '));
  assert.deepEqual(words, [
    'tc qdisc replace dev tap0 root tbf rate 4000000bit burst 131072b limit 393216b',
    'tc qdisc replace dev ifb0 root tbf rate 4000000bit burst 131072b limit 393216b',
  ]);
});
