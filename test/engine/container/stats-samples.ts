/** Measures of a container for tests that only care about some of them. */
import type { ContainerStats } from '../../../src/engine/container/container-stats.ts';
import {
  NO_PRESSURE,
  type CpuUsage,
  type IoUsage,
  type MemoryUsage,
  type TaskUsage,
  type Usage,
} from '../../../src/host/usage.ts';

interface Parts {
  readonly takenAtMs?: number;
  readonly cpu?: Partial<CpuUsage>;
  readonly memory?: Partial<MemoryUsage>;
  readonly tasks?: Partial<TaskUsage>;
  readonly io?: IoUsage | null;
}

/** A usage of a cgroup with everything delegated, changed where `parts` says so. */
export function usageOf(parts: Parts = {}): Usage {
  return {
    takenAtMs: parts.takenAtMs ?? 0,
    cpu: {
      usageMicroseconds: 1_000_000,
      userMicroseconds: 900_000,
      systemMicroseconds: 100_000,
      periods: 10,
      throttledPeriods: 4,
      throttledMicroseconds: 250_000,
      ...parts.cpu,
    },
    memory: {
      usageBytes: 33_554_432,
      currentBytes: 33_554_432,
      peakBytes: 50_000_000,
      limitBytes: 67_108_864,
      swapBytes: 0,
      events: { oom_kill: 0 },
      by: 'cgroup',
      ...parts.memory,
    },
    tasks: { count: 2, limit: 64, events: { max: 0 }, ...parts.tasks },
    io: parts.io === undefined ? { readBytes: 1000, writtenBytes: 2000, devices: [] } : parts.io,
    pressure: NO_PRESSURE,
  };
}

/** A container that runs. */
export function statsOf(changes: Partial<ContainerStats> = {}): ContainerStats {
  const device = {
    name: 'tap0',
    received: { bytes: 1234, packets: 1, errors: 0, drops: 0 },
    sent: { bytes: 5, packets: 1, errors: 0, drops: 0 },
  };
  return {
    id: '0123456789abcdef'.repeat(4),
    name: 'web',
    status: 'running',
    life: 'first',
    usage: usageOf(),
    countedBy: 'cgroup',
    ioCountedBy: 'cgroup',
    memoryCapacityBytes: 67_108_864,
    network: [device],
    queues: null,
    cpuPercent: null,
    ...changes,
  };
}
