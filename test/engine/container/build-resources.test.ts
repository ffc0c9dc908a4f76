/** buildResources(): the words of docker and podman for limits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildResources } from '../../../src/engine/container/build-resources.ts';
import { impossibleAmong } from '../../../src/engine/container/impossible-limits.ts';
import { hasLimits, NO_LIMITS, type LimitRequest } from '../../../src/engine/container/limit-request.ts';
import { deviceNumbers } from '../../../src/engine/container/parse-throttle.ts';
import type { SpecResources } from '../../../src/oci/resources.ts';
import { refusal } from './requests.ts';

const build = (request: Partial<LimitRequest>, before?: SpecResources): SpecResources =>
  buildResources({ ...NO_LIMITS, ...request }, before);
const MIB = 1024 * 1024;

test('buildResources() gives as much swap as memory unless told otherwise', () => {
  assert.deepEqual(build({ memory: '64m' }), { memory: { limit: 64 * MIB, swap: 128 * MIB } });
  assert.deepEqual(build({ memory: '6m' }).memory?.limit, 6 * MIB);
  assert.deepEqual(build({ memory: '64m', memorySwap: '64m' }).memory?.swap, 64 * MIB);
  assert.deepEqual(build({ memory: '64m', memorySwap: '-1' }).memory?.swap, -1);
  assert.deepEqual(build({ memory: '64m', memorySwap: '0' }).memory?.swap, 128 * MIB);
  assert.deepEqual(build({}), {});
});

test('buildResources() turns processors into quota and period', () => {
  assert.deepEqual(build({ cpus: '1.5' }).cpu, { quota: 150_000, period: 100_000 });
  assert.deepEqual(build({ cpus: '.5' }).cpu, { quota: 50_000, period: 100_000 });
  assert.deepEqual(build({ cpus: '0' }).cpu, { quota: -1, period: 100_000 });
  assert.deepEqual(build({ cpuQuota: '20000', cpuPeriod: '50000' }).cpu, { quota: 20_000, period: 50_000 });
});

test('buildResources() takes 0 and -1 for no limit of processes', () => {
  assert.deepEqual(
    ['7', '0', '-1'].map((pidsLimit) => build({ pidsLimit }).pids?.limit),
    [7, -1, -1],
  );
});

test('buildResources() leaves what is not named as it was', () => {
  const before = build({ memory: '64m', cpus: '1', pidsLimit: '9', cgroupConf: ['memory.oom.group=1'] });
  const after = build({ memory: '32m', memoryHigh: '30m' }, before);
  assert.deepEqual(after.cpu, before.cpu);
  assert.deepEqual(after.pids, before.pids);
  assert.deepEqual(after.memory, { limit: 32 * MIB, swap: 64 * MIB });
  assert.deepEqual(after.unified, { 'memory.oom.group': '1', 'memory.high': String(30 * MIB) });
});

const WRONG: readonly (readonly [Partial<LimitRequest>, string])[] = [
  [{ memory: 'lots' }, 'lots'],
  [{ memory: '6143k' }, '6143k'],
  [{ memory: '64m', memorySwap: '32m' }, '32m'],
  [{ memorySwap: '32m' }, '32m'],
  [{ memory: '64m', memoryReservation: '65m' }, '65m'],
  [{ cpus: 'many' }, 'many'],
  [{ cpus: '0.001' }, '0.001'],
  [{ cpus: '1', cpuQuota: '1000' }, '1'],
  [{ cpuQuota: '12' }, '12'],
  [{ cpuPeriod: '2000000' }, '2000000'],
  [{ cpuShares: '1' }, '1'],
  [{ cpusetCpus: '0-' }, '0-'],
  [{ cpusetMems: 'all' }, 'all'],
  [{ pidsLimit: '1.5' }, '1.5'],
  [{ blkioWeight: '9' }, '9'],
  [{ deviceReadBps: ['/dev/null:1m'] }, '/dev/null'],
  [{ deviceWriteBps: ['1m'] }, '1m'],
  [{ cgroupConf: ['memory.max'] }, 'memory.max'],
  [{ cgroupConf: ['../memory.max=1'] }, '../memory.max=1'],
  [{ cgroupConf: ['cgroup.procs=1'] }, 'cgroup.procs=1'],
];

for (const [request, value] of WRONG)
  test(`buildResources() refuses ${JSON.stringify(request)}`, () => {
    assert.throws(
      () => build(request),
      refusal('USAGE_INVALID', new RegExp(value.replace(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`), 'u')),
    );
  });

test('buildResources() says why some limits are for nobody', () => {
  const all = impossibleAmong(() => ['7']);
  assert.deepEqual(
    all.map(({ flag }) => flag),
    [
      '--oom-kill-disable',
      '--device-cgroup-rule',
      '--kernel-memory',
      '--memory-swappiness',
      '--blkio-weight-device',
      '--cpu-rt-runtime',
      '--cpu-rt-period',
    ],
  );
  for (const one of all) {
    const asked = refusal('LIMIT_UNAVAILABLE', new RegExp(`^${one.flag} 7 cannot be had`, 'u'));
    assert.throws(() => build({ impossible: [one] }), asked);
  }
});

test("impossibleAmong() takes docker's defaults for nothing", () => {
  const defaults: Readonly<Record<string, string>> = {
    'oom-kill-disable': 'false',
    'kernel-memory': '0',
    'memory-swappiness': '-1',
    'cpu-rt-runtime': '0',
  };
  const valuesOf = (name: string): string[] => [defaults[name] ?? []].flat();
  assert.deepEqual(impossibleAmong(valuesOf), []);
  assert.equal(hasLimits({ ...NO_LIMITS, impossible: impossibleAmong(valuesOf) }), false);
});

test('hasLimits() does not take nothing for something', () => {
  assert.equal(hasLimits({ ...NO_LIMITS, memory: undefined }), false);
  assert.equal(hasLimits({ ...NO_LIMITS, cgroupConf: ['a.b=1'] }), true);
});

test('deviceNumbers() takes numbers of more than eight bits apart', () => {
  assert.deepEqual(deviceNumbers(0x0000_0800), { major: 8, minor: 0 });
  assert.deepEqual(deviceNumbers(0x0010_0301), { major: 3, minor: 257 });
  assert.deepEqual(deviceNumbers(0xfd05), { major: 253, minor: 5 });
});
