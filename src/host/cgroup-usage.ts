/** What the kernel counts in a cgroup; on the host's side, reads only. Parsing is pure. Source: cgroup-v2 in the kernel's documentation. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CpuUsage, DeviceIo, IoUsage, MemoryUsage, Pressure, PressureLine, TaskUsage, Usage } from './usage.ts';

/** Gives the content of a file of the cgroup; null when it is not there. */
type Reader = (file: string) => string | null;

const CGROUP_ROOT = '/sys/fs/cgroup';

/** What the cgroup at the absolute path `directory` has used; null when it is gone. Files of controllers that are not delegated are not there. */
export function readCgroupUsage(directory: string): Usage | null {
  const read: Reader = (file) => readIfThere(join(directory, file));
  if (read('cgroup.events') === null) return null;
  return {
    takenAtMs: performance.now(),
    cpu: cpuOf(read),
    memory: memoryOf(read, narrowestLimit(directory)),
    tasks: tasksOf(read),
    io: ioOf(read),
    pressure: {
      cpu: parsePressure(read('cpu.pressure')),
      memory: parsePressure(read('memory.pressure')),
      io: parsePressure(read('io.pressure')),
    },
  };
}

/** The host pids in a cgroup and in all below it. */
export function cgroupProcesses(directory: string): number[] {
  const own = readIfThere(join(directory, 'cgroup.procs')) ?? '';
  const below = directoriesIn(directory).flatMap((name) => cgroupProcesses(join(directory, name)));
  return [...own.split('\n').filter(Boolean).map(Number), ...below];
}

function directoriesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return [];
  }
}

function cpuOf(read: Reader): CpuUsage {
  const stat = parseKeyed(read('cpu.stat'));
  return {
    usageMicroseconds: stat['usage_usec'] ?? null,
    userMicroseconds: stat['user_usec'] ?? null,
    systemMicroseconds: stat['system_usec'] ?? null,
    periods: stat['nr_periods'] ?? null,
    throttledPeriods: stat['nr_throttled'] ?? null,
    throttledMicroseconds: stat['throttled_usec'] ?? null,
  };
}

function memoryOf(read: Reader, limitBytes: number | null): MemoryUsage {
  const currentBytes = parseNumber(read('memory.current'));
  const idleCache = parseKeyed(read('memory.stat'))['inactive_file'] ?? 0;
  return {
    currentBytes,
    usageBytes: currentBytes === null ? null : Math.max(0, currentBytes - idleCache),
    peakBytes: parseNumber(read('memory.peak')),
    limitBytes,
    swapBytes: parseNumber(read('memory.swap.current')),
    events: parseKeyed(read('memory.events')),
    by: currentBytes === null ? null : 'cgroup',
  };
}

/** A limit of the slice above binds as well as the cgroup's own. */
function narrowestLimit(directory: string): number | null {
  const limits: number[] = [];
  for (let path = directory; path.startsWith(`${CGROUP_ROOT}/`); path = dirname(path)) {
    const limit = parseNumber(readIfThere(join(path, 'memory.max')));
    if (limit !== null) limits.push(limit);
  }
  return limits.length === 0 ? null : Math.min(...limits);
}

function tasksOf(read: Reader): TaskUsage {
  return {
    count: parseNumber(read('pids.current')),
    limit: parseNumber(read('pids.max')),
    events: parseKeyed(read('pids.events')),
  };
}

function ioOf(read: Reader): IoUsage | null {
  const text = read('io.stat');
  if (text === null) return null;
  const devices = parseIo(text).map((device) => ({ ...device, name: deviceName(device.numbers) }));
  const sum = (key: 'readBytes' | 'writtenBytes'): number => devices.reduce((total, device) => total + device[key], 0);
  return { readBytes: sum('readBytes'), writtenBytes: sum('writtenBytes'), devices };
}

function deviceName(numbers: string): string {
  return /^DEVNAME=(.+)$/mu.exec(readIfThere(`/sys/dev/block/${numbers}/uevent`) ?? '')?.[1] ?? numbers;
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Lines `NAME NUMBER`. */
export function parseKeyed(text: string | null): Record<string, number> {
  return Object.fromEntries(
    [...(text ?? '').matchAll(/^(\S+) (\d+)$/gmu)].map(([, key = '', value]) => [key, Number(value)]),
  );
}

/** One number; null for `max`, and for a file that is not there. */
export function parseNumber(text: string | null): number | null {
  const line = text?.trim() ?? '';
  return /^\d+$/u.test(line) ? Number(line) : null;
}

/** Lines `MAJOR:MINOR rbytes=N wbytes=N rios=N wios=N …`; a device without traffic may have no values. */
export function parseIo(text: string): Omit<DeviceIo, 'name'>[] {
  return [...text.matchAll(/^(\d+:\d+)((?: \S+)*)$/gmu)].map(([, numbers = '', rest = '']) => {
    const values = Object.fromEntries(
      [...rest.matchAll(/(\w+)=(\d+)/gu)].map(([, key = '', value]) => [key, Number(value)]),
    );
    return {
      numbers,
      readBytes: values['rbytes'] ?? 0,
      writtenBytes: values['wbytes'] ?? 0,
      reads: values['rios'] ?? 0,
      writes: values['wios'] ?? 0,
    };
  });
}

/** Lines `some avg10=N avg60=N avg300=N total=N`, `full …`; null when there are none (psi=0, an old kernel). */
export function parsePressure(text: string | null): Pressure | null {
  const some = pressureLine(text ?? '', 'some');
  return some === null ? null : { some, full: pressureLine(text ?? '', 'full') };
}

function pressureLine(text: string, word: string): PressureLine | null {
  const line = new RegExp(`^${word} avg10=([\\d.]+) avg60=([\\d.]+) avg300=([\\d.]+) total=(\\d+)$`, 'mu').exec(text);
  if (line === null) return null;
  const [, avg10, avg60, avg300, total] = line.map(Number);
  return { avg10: avg10 ?? 0, avg60: avg60 ?? 0, avg300: avg300 ?? 0, totalMicroseconds: total ?? 0 };
}
