/** The table of `hutch stats`, its JSON, its notes, and the frame that is drawn on a terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, wrap } from '../../src/cli/live-screen.ts';
import { humanMemory } from '../../src/engine/container/human-memory.ts';
import { formatRows } from '../../src/cli/format/format-rows.ts';
import { statsColumns, statsJson, statsNotes } from '../../src/cli/stats-rows.ts';
import { statsOf, usageOf } from '../engine/container/stats-samples.ts';

const table = (...rows: Parameters<typeof statsOf>[0][]): string[] =>
  formatRows(rows.map(statsOf), { columns: statsColumns({ isWhole: false }) }).split('\n');

test('statsColumns() are those of docker', () => {
  const [header, row] = table({ cpuPercent: 12.345 });
  assert.match(header ?? '', /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS$/u);
  assert.match(row ?? '', /^0123456789ab +web +12\.3[45]% +32MiB \/ 64MiB +50\.00% +1\.23kB \/ 5B +1kB \/ 2kB +2$/u);
});

test('statsColumns() show -- for what is unknown, never a zero', () => {
  const stopped = table({ usage: null, network: null, cpuPercent: null, status: 'exited' })[1] ?? '';
  assert.match(stopped, /^0123456789ab +web +-- +-- \/ -- +-- +-- +-- +--$/u);
  const closed = table({ usage: usageOf({ io: null }), network: null })[1] ?? '';
  assert.match(closed, /50\.00% +-- +-- +2$/u);
});

test('statsJson() has what docker’s has, and numbers', () => {
  const json = statsJson(statsOf({ cpuPercent: 12.345 })) as Record<string, Record<string, unknown>>;
  assert.deepEqual([json['CPUPerc'], json['MemUsage'], json['PIDs']], ['12.35%', '32MiB / 64MiB', '2']);
  assert.deepEqual(
    [json['CPU']?.['ThrottledPeriods'], json['Memory']?.['PeakBytes'], json['Tasks']?.['Limit']],
    [4, 50_000_000, 64],
  );
  const stopped = statsJson(statsOf({ usage: null, network: null })) as Record<string, unknown>;
  assert.deepEqual([stopped['CPU'], stopped['Memory'], stopped['Network']], [null, null, null]);
});

test('statsJson() is what templates reach into', () => {
  const format = '{{.Name}} {{.Memory.PeakBytes}} {{.CPU.ThrottledMicroseconds}} {{.Container}}';
  const text = formatRows([statsOf()], { columns: statsColumns({ isWhole: false }), format, json: statsJson });
  assert.equal(text, 'web 50000000 250000 0123456789ab');
});

test('statsNotes() say where figures come from when it is not the cgroup', () => {
  assert.deepEqual(statsNotes([statsOf()]), []);
  const [note] = statsNotes([statsOf({ countedBy: 'processes' }), statsOf({ name: 'db', countedBy: 'processes' })]);
  assert.match(note ?? '', /^web, db: counted by process, for want of a cgroup.*hutch doctor/u);
  assert.match(statsNotes([statsOf({ ioCountedBy: 'processes' })])[0] ?? '', /io controller is not delegated/u);
  assert.match(statsNotes([statsOf({ network: null })])[0] ?? '', /network is the host's/u);
  assert.deepEqual(statsNotes([statsOf({ usage: null, network: null, countedBy: null })]), [], 'one that does not run');
});

test('humanMemory() counts in binary units with four digits', () => {
  assert.deepEqual([0, 1023, 1024, 1_500_000, 25_276_502_016].map(humanMemory), [
    '0B',
    '1023B',
    '1KiB',
    '1.431MiB',
    '23.54GiB',
  ]);
});

test('frame() overwrites what was there and never scrolls', () => {
  const lines = ['one', 'two', 'three', 'four'];
  assert.equal(frame(lines, { columns: 3, rows: 24 }), '\x1b[Hone\x1b[K\ntwo\x1b[K\nthr\x1b[K\nfou\x1b[K\n\x1b[J');
  const small = frame(lines, { columns: 80, rows: 4 });
  assert.equal(small, '\x1b[Hone\x1b[K\ntwo\x1b[K\n… and 2 lines more\x1b[K\n\x1b[J');
});

test('wrap() breaks between words', () => {
  assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrap('incredible', 3), ['incredible']);
});
