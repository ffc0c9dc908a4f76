/** holds(): whether the kernel has kept what was written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holds } from '../../../src/drivers/cgroup/holds.ts';

const KEPT: readonly (readonly [file: string, value: string, text: string])[] = [
  ['memory.max', '67108864', '67108864\n'],
  ['memory.max', '67108999', '67108864'],
  ['memory.max', '64M', '67108864'],
  ['memory.max', 'max', 'max'],
  ['cpu.max', '50000 100000', '50000 100000'],
  ['cpu.max', '50000', '50000 100000'],
  ['cpuset.cpus', '0,1,2', '0-2'],
  ['cpuset.cpus', '1', '1'],
  ['io.max', '8:0 rbps=1', '8:0 rbps=1 wbps=max riops=max wiops=max'],
  ['io.max', '8:16 wbps=5', '8:0 rbps=1 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=5 riops=max wiops=max'],
  ['io.max', '8:0 rbps=max', ''],
  ['io.weight', 'default 50', 'default 50'],
  ['pids.max', '20', '20'],
];

const LOST: readonly (readonly [file: string, value: string, text: string])[] = [
  ['memory.max', '67108864', 'max'],
  ['memory.max', '67108864', '134217728'],
  ['memory.max', '200000', '4096'],
  ['cpu.max', '50000 100000', '50000 20000'],
  ['cpu.max', '50000 100000', 'max 100000'],
  ['cpuset.cpus', '0-3', '0-1'],
  ['cpuset.cpus', '1', ''],
  ['io.max', '8:0 rbps=1', ''],
  ['io.max', '8:0 rbps=1', '8:0 rbps=2 wbps=max riops=max wiops=max'],
  ['io.max', '8:0 rbps=1', '8:16 rbps=1 wbps=max riops=max wiops=max'],
  ['io.weight', 'default 50', 'default 100'],
  ['pids.max', '20', '2'],
];

for (const [file, value, text] of KEPT)
  test(`holds() takes "${text.trim()}" for ${file} ${value}`, () => assert.equal(holds({ file, value }, text), true));
for (const [file, value, text] of LOST)
  test(`holds() does not take "${text}" for ${file} ${value}`, () => assert.equal(holds({ file, value }, text), false));
