/** The parts of the cgroup drivers that need no cgroup: what is delegated, and how files are put back. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { delegatedRoot } from '../../../src/drivers/cgroup/cgroupfs/delegated.ts';
import { memoryKills, readCounters } from '../../../src/drivers/cgroup/counters.ts';
import { keepSettings } from '../../../src/drivers/cgroup/keep-settings.ts';
import { applySettings } from '../../../src/drivers/cgroup/apply-settings.ts';
import { notDelegated } from '../../../src/drivers/cgroup/not-delegated.ts';
import { hasDelegationFence } from '../../../src/host/probe/cgroup.ts';

const scratch = mkdtempSync(join(tmpdir(), 'hutch-cgroup-'));
after(() => rmSync(scratch, { recursive: true }));

function group(path: string, files: Readonly<Record<string, string>>): string {
  const directory = join(scratch, path);
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const OWN = { 'cgroup.procs': '', 'cgroup.subtree_control': '' };

test('delegatedRoot() climbs as far as cgroups may be changed, and no further', () => {
  const own = group('root/system.slice/job.service/worker', OWN);
  const service = group('root/system.slice/job.service', OWN);
  const slice = group('root/system.slice', OWN);
  chmodSync(join(slice, 'cgroup.procs'), 0o444);
  const isRoot = process.getuid?.() === 0;
  assert.equal(delegatedRoot(own, join(scratch, 'root')), isRoot ? slice : service);
  assert.equal(delegatedRoot(group('root/foreign', {}), join(scratch, 'root')), null);
  assert.equal(delegatedRoot(null), null);
});

test('keepSettings() puts back what was there, also for a device without limits', () => {
  const directory = group('kept', { 'memory.max': 'max\n', 'io.max': '8:0 rbps=5 wbps=max riops=max wiops=max\n' });
  const restore = keepSettings(directory, [
    { file: 'memory.max', value: '1', spec: '' },
    { file: 'io.max', value: '8:16 rbps=1', spec: '' },
  ]);
  writeFileSync(join(directory, 'memory.max'), '1');
  writeFileSync(join(directory, 'io.max'), '');
  restore();
  assert.equal(readFileSync(join(directory, 'memory.max'), 'utf8').slice(0, 3), 'max');
  assert.equal(readFileSync(join(directory, 'io.max'), 'utf8'), '8:16 rbps=max wbps=max riops=max wiops=max');
});

test('keepSettings() puts back the weight of what was changed, and no other', () => {
  const directory = group('weighed', { 'io.weight': 'default 100\n8:0 200\n' });
  const restore = keepSettings(directory, [{ file: 'io.weight', value: 'default 7', spec: '' }]);
  writeFileSync(join(directory, 'io.weight'), '');
  restore();
  assert.equal(readFileSync(join(directory, 'io.weight'), 'utf8'), 'default 100');
});

test('applySettings() leaves out a file that need not be there, and no other', () => {
  const directory = group('loaded', { 'cgroup.controllers': 'io\n' });
  const setting = { file: 'io.bfq.weight', value: 'default 7', spec: '' };
  applySettings(directory, [{ ...setting, ifThere: true }]);
  assert.throws(() => applySettings(directory, [setting]), /no such file/u);
});

test('readCounters() reads lines of keys and single numbers, and leaves out what is no number', () => {
  const directory = group('counted', {
    'memory.events': 'low 0\noom 2\noom_kill 1\n',
    'memory.max': 'max\n',
    'memory.peak': '4096\n',
  });
  const counters = readCounters(directory);
  assert.deepEqual(counters, { 'memory.events': { low: 0, oom: 2, oom_kill: 1 }, 'memory.peak': { value: 4096 } });
  assert.equal(memoryKills(counters), 1);
  assert.equal(memoryKills(readCounters(join(scratch, 'nowhere'))), 0);
});

test('notDelegated() names what there is and who can change it, or that nobody can', () => {
  const missing = notDelegated('--cpuset-cpus', 'cpuset', ['cpu', 'memory']);
  assert.match(missing.message, /--cpuset-cpus needs the controller cpuset, and those delegated here are: cpu memory/u);
  assert.match(missing.hint ?? '', /Delegate=.*daemon-reload; then you: systemctl --user daemon-reexec/u);
  assert.match(notDelegated('--cgroup-conf hugetlb.2MB.max', 'hugetlb', []).message, /ordinary user/u);
  const invented = notDelegated('--cgroup-conf magic.max', 'magic', ['cpu']);
  assert.deepEqual([invented.code, invented.message.includes(`no controller "magic"`)], ['USAGE_INVALID', true]);
});

test('hasDelegationFence() goes by the mount of cgroup2 itself', () => {
  const line = (options: string): string =>
    `30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 ${options}`;
  assert.equal(hasDelegationFence(line('rw,nsdelegate,memory_recursiveprot')), true);
  assert.equal(hasDelegationFence(line('rw,memory_recursiveprot')), false);
  assert.equal(hasDelegationFence(`${line('rw')}\n31 24 0:27 / /mnt rw - cgroup2 cgroup2 rw,nsdelegate`), false);
});
