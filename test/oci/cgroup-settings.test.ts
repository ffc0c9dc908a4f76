/** cgroupSettings(): the resources of a spec as files of cgroup v2. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cgroupSettings,
  controllerOf,
  flagOf,
  weightOfBlockIo,
  weightOfShares,
} from '../../src/oci/cgroup-settings.ts';
import type { SpecResources } from '../../src/oci/resources.ts';

const filesOf = (resources: SpecResources): Record<string, string> =>
  Object.fromEntries(cgroupSettings(resources).map(({ file, value }) => [file, value]));

test('cgroupSettings() takes memory away from memory and swap together', () => {
  assert.deepEqual(filesOf({ memory: { limit: 100, swap: 160, reservation: 50 } }), {
    'memory.max': '100',
    'memory.low': '50',
    'memory.swap.max': '60',
  });
  assert.equal(filesOf({ memory: { limit: 100, swap: 100 } })['memory.swap.max'], '0');
  assert.equal(filesOf({ memory: { limit: 100, swap: -1 } })['memory.swap.max'], 'max');
  assert.equal(filesOf({ memory: { limit: -1, swap: -1 } })['memory.max'], 'max');
});

test('cgroupSettings() writes quota and period as one value', () => {
  assert.equal(filesOf({ cpu: { quota: 50_000, period: 100_000 } })['cpu.max'], '50000 100000');
  assert.equal(filesOf({ cpu: { quota: -1, period: 20_000 } })['cpu.max'], 'max 20000');
  assert.equal(filesOf({ cpu: { period: 20_000 } })['cpu.max'], 'max 20000');
});

test('cgroupSettings() joins the limits of one device', () => {
  const device = { major: 8, minor: 16 };
  const settings = cgroupSettings({
    blockIO: {
      weight: 10,
      throttleReadBpsDevice: [{ ...device, rate: 1 }],
      throttleWriteIOPSDevice: [
        { ...device, rate: 2 },
        { major: 9, minor: 0, rate: 0 },
      ],
    },
  });
  assert.deepEqual(
    settings.map(({ file, value }) => [file, value]),
    [
      ['io.weight', 'default 1'],
      ['io.bfq.weight', 'default 10'],
      ['io.max', '8:16 rbps=1 wiops=2'],
      ['io.max', '9:0 wiops=max'],
    ],
  );
});

test('cgroupSettings() passes unified keys on, and has nothing to say about nothing', () => {
  assert.deepEqual(filesOf({ unified: { 'memory.oom.group': '1' }, pids: { limit: 7 } }), {
    'memory.oom.group': '1',
    'pids.max': '7',
  });
  assert.deepEqual(cgroupSettings({}), []);
});

test('weightOfShares() and weightOfBlockIo() hit the ends of both scales', () => {
  assert.deepEqual([2, 1024, 262_144, 1, 999_999].map(weightOfShares), [1, 39, 10_000, 1, 10_000]);
  assert.deepEqual([10, 500, 1000].map(weightOfBlockIo), [1, 4950, 10_000]);
});

test('flagOf() and controllerOf() name what a setting is about', () => {
  assert.equal(flagOf({ file: 'memory.max', value: '1', spec: '' }), '--memory');
  const unified = { value: '1', spec: 'linux.resources.unified[…]' };
  assert.equal(flagOf({ ...unified, file: 'memory.max' }), '--cgroup-conf memory.max');
  assert.equal(flagOf({ ...unified, file: 'memory.high' }), '--memory-high');
  assert.equal(flagOf({ file: 'io.max', value: '8:0 wbps=1', spec: '' }), '--device-write-bps');
  assert.equal(flagOf({ ...unified, file: 'hugetlb.2MB.max' }), '--cgroup-conf hugetlb.2MB.max');
  assert.deepEqual(['cpuset.cpus', 'hugetlb.2MB.max', 'cgroup.max.depth'].map(controllerOf), [
    'cpuset',
    'hugetlb',
    null,
  ]);
});
