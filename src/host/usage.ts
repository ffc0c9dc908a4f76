/** What a group of processes uses of the host, whoever has measured it; types only. Null stands for what cannot be known. */

export interface Usage {
  /** When processor time was read: milliseconds of a clock that only goes forward. */
  readonly takenAtMs: number;
  readonly cpu: CpuUsage;
  readonly memory: MemoryUsage;
  readonly tasks: TaskUsage;
  /** Null where nobody counts it. */
  readonly io: IoUsage | null;
  readonly pressure: Readonly<Record<Pressured, Pressure | null>>;
}

/** Counters that only grow. Source: cgroup-v2, cpu.stat. */
export interface CpuUsage {
  readonly usageMicroseconds: number | null;
  readonly userMicroseconds: number | null;
  readonly systemMicroseconds: number | null;
  /** Periods of a limit on processor time, those in which it was reached, and for how long it held something up. */
  readonly periods: number | null;
  readonly throttledPeriods: number | null;
  readonly throttledMicroseconds: number | null;
}

export interface MemoryUsage {
  /** Without the part of the page cache that can go at any moment, as docker counts. */
  readonly usageBytes: number | null;
  /** All that counts against the limit. */
  readonly currentBytes: number | null;
  readonly peakBytes: number | null;
  /** The narrowest limit from the cgroup itself upwards; null without one. */
  readonly limitBytes: number | null;
  readonly swapBytes: number | null;
  /** By the kernel's names, such as `oom_kill`; empty where nobody counts them. */
  readonly events: Readonly<Record<string, number>>;
  /** How it was measured: by the kernel's account, or by the pages of each process, shared ones in parts (proportional set size) or whole. */
  readonly by: 'cgroup' | 'pss' | 'rss' | null;
}

/** Processes and their threads. */
export interface TaskUsage {
  readonly count: number | null;
  readonly limit: number | null;
  readonly events: Readonly<Record<string, number>>;
}

export interface IoUsage {
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Empty where it was counted by process. */
  readonly devices: readonly DeviceIo[];
}

export interface DeviceIo {
  /** `8:0`. */
  readonly numbers: string;
  /** `sda`; the numbers where it has no name. */
  readonly name: string;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
}

export type Pressured = 'cpu' | 'memory' | 'io';

/** Percent of the time in which some, or all, processes had to wait. Source: psi in the kernel's documentation. */
export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine | null;
}

export interface PressureLine {
  /** Over the last 10, 60 and 300 seconds. */
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly totalMicroseconds: number;
}

export const NO_PRESSURE: Usage['pressure'] = { cpu: null, memory: null, io: null };
