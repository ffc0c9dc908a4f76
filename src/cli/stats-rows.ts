/** What `hutch stats` says of a container: docker's columns, the fields of templates and JSON, notes; pure, CLI process. */
import type { ContainerStats } from '../engine/container/container-stats.ts';
import type { Column } from './format/format-rows.ts';
import { humanMemory } from '../engine/container/human-memory.ts';
import { humanSize } from './format/human.ts';

/** Where nothing is known: a zero would claim to know. */
const UNKNOWN = '--';
const SHORT_ID = 12;

type Columns = readonly Column<ContainerStats>[];

/** The columns; a template sees `.Container` besides. */
export function statsColumns({ isWhole }: { readonly isWhole: boolean }): Columns {
  const idText = ({ id }: ContainerStats): string => (isWhole ? id : id.slice(0, SHORT_ID));
  return [
    { name: 'ID', header: 'CONTAINER ID', text: idText },
    { name: 'Name', header: 'NAME', text: ({ name }) => name },
    { name: 'CPUPerc', header: 'CPU %', text: ({ cpuPercent }) => percentText(cpuPercent) },
    { name: 'MemUsage', header: 'MEM USAGE / LIMIT', text: memoryText },
    { name: 'MemPerc', header: 'MEM %', text: (stats) => percentText(memoryPercent(stats)) },
    { name: 'NetIO', header: 'NET I/O', text: networkText },
    { name: 'BlockIO', header: 'BLOCK I/O', text: blockText },
    { name: 'PIDs', header: 'PIDS', text: ({ usage }) => String(usage?.tasks.count ?? UNKNOWN) },
    { name: 'Container', header: 'CONTAINER', text: idText, isShown: false },
  ];
}

function percentText(percent: number | null): string {
  return percent === null ? UNKNOWN : `${percent.toFixed(2)}%`;
}

function memoryPercent({ usage, memoryCapacityBytes }: ContainerStats): number | null {
  const bytes = usage?.memory.usageBytes ?? null;
  return bytes === null ? null : (bytes / memoryCapacityBytes) * 100;
}

function memoryText({ usage, memoryCapacityBytes }: ContainerStats): string {
  const bytes = usage?.memory.usageBytes ?? null;
  return bytes === null ? `${UNKNOWN} / ${UNKNOWN}` : `${humanMemory(bytes)} / ${humanMemory(memoryCapacityBytes)}`;
}

function networkText({ network }: ContainerStats): string {
  if (network === null) return UNKNOWN;
  const sum = (way: 'received' | 'sent'): number => network.reduce((total, device) => total + device[way].bytes, 0);
  return `${humanSize(sum('received'))} / ${humanSize(sum('sent'))}`;
}

function blockText({ usage }: ContainerStats): string {
  const io = usage?.io ?? null;
  return io === null ? UNKNOWN : `${humanSize(io.readBytes)} / ${humanSize(io.writtenBytes)}`;
}

/** For programs: docker's fields as the table has them, then everything as numbers; null is what cannot be known. */
export function statsJson(stats: ContainerStats): object {
  const { usage } = stats;
  return {
    ...Object.fromEntries(statsColumns({ isWhole: true }).map(({ name, text }) => [name, text(stats)])),
    Status: stats.status,
    CountedBy: stats.countedBy,
    CPU: usage === null ? null : cpuJson(stats, usage),
    Memory: usage === null ? null : memoryJson(stats, usage),
    Tasks: usage === null ? null : { Count: usage.tasks.count, Limit: usage.tasks.limit, Events: usage.tasks.events },
    IO: usage === null ? null : ioJson(stats, usage),
    Pressure: usage === null ? null : pressureJson(usage),
    Network: stats.network?.map(deviceJson) ?? null,
    NetworkRate: stats.queues?.map(queueJson) ?? null,
  };
}

type Known = NonNullable<ContainerStats['usage']>;

function cpuJson({ cpuPercent }: ContainerStats, { cpu }: Known): object {
  return {
    Percent: cpuPercent,
    UsageMicroseconds: cpu.usageMicroseconds,
    UserMicroseconds: cpu.userMicroseconds,
    SystemMicroseconds: cpu.systemMicroseconds,
    Periods: cpu.periods,
    ThrottledPeriods: cpu.throttledPeriods,
    ThrottledMicroseconds: cpu.throttledMicroseconds,
  };
}

function memoryJson({ memoryCapacityBytes }: ContainerStats, { memory }: Known): object {
  return {
    UsageBytes: memory.usageBytes,
    CurrentBytes: memory.currentBytes,
    PeakBytes: memory.peakBytes,
    LimitBytes: memory.limitBytes,
    CapacityBytes: memoryCapacityBytes,
    SwapBytes: memory.swapBytes,
    Events: memory.events,
    CountedBy: memory.by,
  };
}

function ioJson({ ioCountedBy }: ContainerStats, { io }: Known): object | null {
  if (io === null) return null;
  return {
    ReadBytes: io.readBytes,
    WrittenBytes: io.writtenBytes,
    CountedBy: ioCountedBy,
    Devices: io.devices.map(({ numbers, name, readBytes, writtenBytes, reads, writes }) => ({
      Device: numbers,
      Name: name,
      ReadBytes: readBytes,
      WrittenBytes: writtenBytes,
      Reads: reads,
      Writes: writes,
    })),
  };
}

/** Percent of the last ten seconds, and all that has been waited. */
function pressureJson({ pressure }: Known): object {
  const line = (each: { avg10: number; totalMicroseconds: number } | null): object | null =>
    each === null ? null : { Avg10: each.avg10, TotalMicroseconds: each.totalMicroseconds };
  const one = (each: Known['pressure']['cpu']): object | null =>
    each === null ? null : { Some: line(each.some), Full: line(each.full) };
  return { CPU: one(pressure.cpu), Memory: one(pressure.memory), IO: one(pressure.io) };
}

function deviceJson({ name, received, sent }: NonNullable<ContainerStats['network']>[number]): object {
  const way = (each: typeof received): object => ({
    Bytes: each.bytes,
    Packets: each.packets,
    Errors: each.errors,
    Drops: each.drops,
  });
  return { Device: name, Received: way(received), Sent: way(sent) };
}

function queueJson(queue: NonNullable<ContainerStats['queues']>[number]): object {
  return {
    Direction: queue.device.startsWith('ifb') ? 'in' : 'out',
    BitsPerSecond: queue.bitsPerSecond,
    BurstBytes: queue.burstBytes,
    Bytes: queue.bytes,
    Packets: queue.packets,
    Drops: queue.drops,
    Waits: queue.overlimits,
  };
}

const SUMMED =
  'counted by process, for want of a cgroup: processor time, memory (a shared page in parts), I/O, tasks; limits and pressure are unknown (see `hutch doctor`)';

/** What a reader of the table must know of its figures: a line for each cause, with the names that it is about. */
export function statsNotes(rows: readonly ContainerStats[]): string[] {
  const about = (isMeant: (row: ContainerStats) => boolean, text: string): string[] => {
    const names = rows.filter(isMeant).map(({ name }) => name);
    return names.length === 0 ? [] : [`${names.join(', ')}: ${text}`];
  };
  return [
    ...about(({ countedBy }) => countedBy === 'processes', SUMMED),
    ...about(
      ({ usage }) => usage?.memory.by === 'rss',
      'a process does not let us look into its memory, so pages that several share count for each of them',
    ),
    ...about(
      ({ countedBy, ioCountedBy }) => countedBy === 'cgroup' && ioCountedBy === 'processes',
      'block I/O is counted by process, as the io controller is not delegated (see `hutch doctor`)',
    ),
    ...about(
      ({ usage, network }) => usage !== null && network === null,
      "the network is the host's, so its traffic is not told apart",
    ),
  ];
}
