/** Sums over processes, and what passes by network devices, from the text of /proc. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraffic, readTraffic } from '../../src/host/network-traffic.ts';
import {
  parseProcessIo,
  parseStat,
  readProcessUsage,
  sumProcesses,
  type ProcessUsage,
} from '../../src/host/process-usage.ts';

const STAT =
  '18739 (a b) c) S 18730 18739 18739 0 -1 4194304 100 200 0 0 150 50 30 20 20 0 4 0 8123456 12345678 321 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0';

const process = (changes: Partial<ProcessUsage>): ProcessUsage => ({
  userTicks: 10,
  systemTicks: 5,
  threads: 1,
  rssBytes: 4096,
  pssBytes: 1024,
  swapBytes: 0,
  io: { readBytes: 100, writtenBytes: 200 },
  ...changes,
});

test('parseStat() counts children that were waited for, whatever the program is called', () => {
  assert.deepEqual(parseStat(STAT), { userTicks: 180, systemTicks: 70, threads: 4, rssBytes: 321 * 4096 });
  assert.equal(parseStat(''), undefined);
});

test('parseProcessIo() takes what has met a disk, and knows nothing of a closed process', () => {
  const text =
    'rchar: 9\nwchar: 9\nsyscr: 9\nsyscw: 9\nread_bytes: 45056\nwrite_bytes: 106496\ncancelled_write_bytes: 0\n';
  assert.deepEqual(parseProcessIo(text), { readBytes: 45_056, writtenBytes: 106_496 });
  assert.equal(parseProcessIo(''), null);
});

test('sumProcesses() adds up', () => {
  const usage = sumProcesses([process({}), process({ threads: 3 })], 7);
  assert.equal(usage.cpu.usageMicroseconds, 300_000);
  assert.deepEqual([usage.memory.usageBytes, usage.memory.by], [2048, 'pss']);
  assert.equal(usage.tasks.count, 4);
  assert.equal(usage.io?.writtenBytes, 400);
  assert.deepEqual([usage.cpu.throttledPeriods, usage.memory.peakBytes, usage.pressure.cpu], [null, null, null]);
});

test('sumProcesses() does not know a sum of which it does not know a part', () => {
  const usage = sumProcesses([process({}), process({ io: null, pssBytes: null, swapBytes: null })], 7);
  assert.equal(usage.io, null);
  assert.equal(usage.memory.swapBytes, null);
  assert.deepEqual([usage.memory.usageBytes, usage.memory.by], [8192, 'rss'], 'whole resident sets instead');
});

test('readProcessUsage() sees this process and leaves out one that is not there', () => {
  const usage = readProcessUsage([globalThis.process.pid, 2 ** 22 + 1]);
  assert.ok((usage.cpu.usageMicroseconds ?? 0) > 0);
  assert.ok((usage.memory.usageBytes ?? 0) > 10_000_000, 'Node takes more than ten megabytes');
});

test('parseTraffic() reads devices behind the headings', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
eth0.5:12345678      10    1    2    0     0          0         0      266       3    4    5    0     0       0          0
`;
  const [lo, eth] = parseTraffic(text);
  assert.equal(lo?.name, 'lo');
  assert.deepEqual(eth, {
    name: 'eth0.5',
    received: { bytes: 12_345_678, packets: 10, errors: 1, drops: 2 },
    sent: { bytes: 266, packets: 3, errors: 4, drops: 5 },
  });
  assert.equal(readTraffic(2 ** 22 + 1), null);
});
