/** readCgroupUsage() and its parsers, against files as Linux 6.1 and 6.18 write them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  cgroupProcesses,
  parseIo,
  parseKeyed,
  parseNumber,
  parsePressure,
  readCgroupUsage,
} from '../../src/host/cgroup-usage.ts';

const directory = mkdtempSync(join(tmpdir(), 'hutch-cgroup-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const FILES = {
  'cgroup.events': 'populated 1\nfrozen 0\n',
  'cgroup.procs': '12\n13\n',
  'cpu.stat':
    'usage_usec 1170000\nuser_usec 1100000\nsystem_usec 70000\nnr_periods 60\nnr_throttled 58\nthrottled_usec 3800000\n',
  'memory.current': '125829120\n',
  'memory.peak': '130000000\n',
  'memory.max': 'max\n',
  'memory.stat': 'anon 100000000\nfile 20000000\ninactive_file 5829120\n',
  'memory.swap.current': '4096\n',
  'memory.events': 'low 0\nhigh 7\nmax 3\noom 1\noom_kill 2\noom_group_kill 1\n',
  'pids.current': '5\n',
  'pids.max': '64\n',
  'pids.events': 'max 1\n',
  'cpu.pressure':
    'some avg10=47.12 avg60=3.77 avg300=11.14 total=8125985448\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
};

function cgroup(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(directory, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

test('readCgroupUsage() reads what the controllers count', () => {
  const usage = readCgroupUsage(
    cgroup('whole', { ...FILES, 'io.stat': '254:0 rbytes=4096 wbytes=1048576 rios=1 wios=3 dbytes=0 dios=0\n' }),
  );
  assert.deepEqual(usage?.cpu, {
    usageMicroseconds: 1_170_000,
    userMicroseconds: 1_100_000,
    systemMicroseconds: 70_000,
    periods: 60,
    throttledPeriods: 58,
    throttledMicroseconds: 3_800_000,
  });
  assert.equal(usage.memory.usageBytes, 120_000_000, 'without the cache that can go');
  assert.equal(usage.memory.currentBytes, 125_829_120);
  assert.equal(usage.memory.peakBytes, 130_000_000);
  assert.equal(usage.memory.events['oom_kill'], 2);
  assert.deepEqual(usage.tasks, { count: 5, limit: 64, events: { max: 1 } });
  assert.equal(usage.io?.writtenBytes, 1_048_576);
  assert.equal(usage.pressure.cpu?.some.avg10, 47.12);
  assert.equal(usage.pressure.memory, null);
});

test('readCgroupUsage() gives null for what has no file, never zero', () => {
  const usage = readCgroupUsage(cgroup('bare', { 'cgroup.events': 'populated 1\n', 'cpu.stat': 'usage_usec 5\n' }));
  assert.equal(usage?.cpu.usageMicroseconds, 5);
  assert.deepEqual(
    [usage.cpu.throttledPeriods, usage.memory.usageBytes, usage.tasks.count, usage.io],
    [null, null, null, null],
  );
  assert.equal(readCgroupUsage(join(directory, 'gone')), null);
});

test('cgroupProcesses() lists those of the cgroups below, too', () => {
  const path = cgroup('tree', FILES);
  mkdirSync(join(path, 'sub'));
  writeFileSync(join(path, 'sub/cgroup.procs'), '14\n');
  assert.deepEqual(cgroupProcesses(path), [12, 13, 14]);
  assert.deepEqual(cgroupProcesses(join(directory, 'gone')), []);
});

test('parsers take what is there and nothing else', () => {
  assert.deepEqual(parseKeyed('a 1\nb x\nc 2 3\nd 4\n'), { a: 1, d: 4 });
  assert.deepEqual(parseKeyed(null), {});
  assert.deepEqual([parseNumber('max\n'), parseNumber(null), parseNumber('7\n')], [null, null, 7]);
  assert.equal(parsePressure(''), null);
  assert.equal(
    parsePressure('some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n')?.full,
    null,
    'before Linux 5.13 for cpu',
  );
});

test('parseIo() sees several devices, and one without values', () => {
  const devices = parseIo('8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n253:1\n');
  assert.deepEqual(devices[0], { numbers: '8:0', readBytes: 10, writtenBytes: 20, reads: 1, writes: 2 });
  assert.deepEqual(devices[1], { numbers: '253:1', readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 });
});
