/** What processes use, summed over them by /proc: where there is no cgroup that counts; on the host's side, reads only. Source: proc(5). */
import { readFileSync } from 'node:fs';
import { NO_PRESSURE, type IoUsage, type MemoryUsage, type Usage } from './usage.ts';

/** Clock ticks in a second: USER_HZ, the same for every program on Linux. Source: time(7). */
const TICKS_PER_SECOND = 100;
const MICROSECONDS_PER_TICK = 1_000_000 / TICKS_PER_SECOND;
/** Of /proc/PID/statm. Only the fall-back for memory needs it. */
const PAGE_BYTES = 4096;

/** One process, as far as it lets us look. */
export interface ProcessUsage {
  /** Of its own and of the children that it has waited for. */
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly threads: number;
  readonly rssBytes: number;
  /** Null: it does not let us look. */
  readonly pssBytes: number | null;
  readonly swapBytes: number | null;
  readonly io: Pick<IoUsage, 'readBytes' | 'writtenBytes'> | null;
}

/** The usage of the processes `pids`, by the host's numbers; those that have ended meanwhile are left out. */
export function readProcessUsage(pids: readonly number[]): Usage {
  const takenAtMs = performance.now();
  return sumProcesses(
    pids.map(readProcess).filter((process) => process !== undefined),
    takenAtMs,
  );
}

function readProcess(pid: number): ProcessUsage | undefined {
  const stat = parseStat(readIfThere(`/proc/${String(pid)}/stat`));
  if (stat === undefined) return undefined;
  const rollup = readIfThere(`/proc/${String(pid)}/smaps_rollup`);
  return {
    ...stat,
    pssBytes: kilobytes(rollup, 'Pss'),
    swapBytes: kilobytes(rollup, 'SwapPss'),
    io: parseProcessIo(readIfThere(`/proc/${String(pid)}/io`)),
  };
}

/** Pure: fields 14 to 17, 20 and 24 of /proc/PID/stat; undefined when it is none. The name of the program may hold anything. */
export function parseStat(
  text: string,
): Pick<ProcessUsage, 'userTicks' | 'systemTicks' | 'threads' | 'rssBytes'> | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [user, system, childUser, childSystem] = fields.slice(11, 15);
  const [threads, pages] = [fields[17], fields[21]];
  if (user === undefined || system === undefined || threads === undefined || pages === undefined) return undefined;
  return {
    userTicks: user + (childUser ?? 0),
    systemTicks: system + (childSystem ?? 0),
    threads,
    rssBytes: pages * PAGE_BYTES,
  };
}

/** Pure: what has come from and gone to disks, in /proc/PID/io; null when it is empty, as for a process that is closed to us. */
export function parseProcessIo(text: string): ProcessUsage['io'] {
  const value = (name: string): number | null => {
    const match = new RegExp(`^${name}: (\\d+)$`, 'mu').exec(text);
    return match === null ? null : Number(match[1]);
  };
  const [readBytes, writtenBytes] = [value('read_bytes'), value('write_bytes')];
  return readBytes === null || writtenBytes === null ? null : { readBytes, writtenBytes };
}

/** Pure. A sum in which one part is unknown is unknown; memory falls back on what every process shows. */
export function sumProcesses(processes: readonly ProcessUsage[], takenAtMs: number): Usage {
  const user = total(processes.map(({ userTicks }) => userTicks)) ?? 0;
  const system = total(processes.map(({ systemTicks }) => systemTicks)) ?? 0;
  return {
    takenAtMs,
    cpu: {
      usageMicroseconds: (user + system) * MICROSECONDS_PER_TICK,
      userMicroseconds: user * MICROSECONDS_PER_TICK,
      systemMicroseconds: system * MICROSECONDS_PER_TICK,
      periods: null,
      throttledPeriods: null,
      throttledMicroseconds: null,
    },
    memory: memoryOf(processes),
    tasks: { count: total(processes.map(({ threads }) => threads)), limit: null, events: {} },
    io: ioOf(processes),
    pressure: NO_PRESSURE,
  };
}

function memoryOf(processes: readonly ProcessUsage[]): MemoryUsage {
  const pss = total(processes.map(({ pssBytes }) => pssBytes));
  const usageBytes = pss ?? total(processes.map(({ rssBytes }) => rssBytes));
  return {
    usageBytes,
    currentBytes: usageBytes,
    peakBytes: null,
    limitBytes: null,
    swapBytes: total(processes.map(({ swapBytes }) => swapBytes)),
    events: {},
    by: pss === null ? 'rss' : 'pss',
  };
}

function ioOf(processes: readonly ProcessUsage[]): IoUsage | null {
  const readBytes = total(processes.map(({ io }) => io?.readBytes ?? null));
  const writtenBytes = total(processes.map(({ io }) => io?.writtenBytes ?? null));
  return readBytes === null || writtenBytes === null ? null : { readBytes, writtenBytes, devices: [] };
}

function total(parts: readonly (number | null)[]): number | null {
  return parts.reduce<number | null>((sum, part) => (sum === null || part === null ? null : sum + part), 0);
}

function kilobytes(text: string, name: string): number | null {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'mu').exec(text);
  return match === null ? null : Number(match[1]) * 1024;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
