/** The resources of a spec as files of cgroup v2 with their values; pure. Sources: config-linux.md, Documentation/admin-guide/cgroup-v2.rst. */
import type { SpecResources, SpecThrottle } from './resources.ts';

/** One value in the directory of a cgroup. */
export interface CgroupSetting {
  /** Such as `memory.max`. */
  readonly file: string;
  readonly value: string;
  /** Where it comes from: a pointer into the spec. */
  readonly spec: string;
  /** The file is there only while the kernel has a part of it loaded, and without that another setting says the same. */
  readonly ifThere?: true;
}

/** The kernel's own when only a quota is given; microseconds. */
export const DEFAULT_PERIOD = 100_000;
const SHARES = { least: 2, most: 262_144 } as const;
const BLOCK_WEIGHT = { least: 10, most: 1000 } as const;
const MOST_WEIGHT = 10_000;

/** The settings that stand for the resources, in the order in which they are written. */
export function cgroupSettings(resources: SpecResources): CgroupSetting[] {
  return [
    ...memorySettings(resources),
    ...cpuSettings(resources),
    ...(resources.pids === undefined
      ? []
      : [setting('pids.max', limitText(resources.pids.limit), 'linux.resources.pids.limit')]),
    ...blockSettings(resources),
    ...Object.entries(resources.unified ?? {}).map(([file, value]) =>
      setting(file, value, `linux.resources.unified["${file}"]`),
    ),
  ];
}

function memorySettings({ memory = {} }: SpecResources): CgroupSetting[] {
  const { limit, reservation, swap } = memory;
  return [
    ...(limit === undefined ? [] : [setting('memory.max', limitText(limit), 'linux.resources.memory.limit')]),
    ...(reservation === undefined
      ? []
      : [setting('memory.low', limitText(reservation), 'linux.resources.memory.reservation')]),
    ...(swap === undefined
      ? []
      : [setting('memory.swap.max', swapText(swap, limit ?? -1), 'linux.resources.memory.swap')]),
  ];
}

/** Version 2 limits swap by itself. */
function swapText(swap: number, limit: number): string {
  return swap < 0 || limit < 0 ? limitText(swap) : String(Math.max(swap - limit, 0));
}

function cpuSettings({ cpu = {} }: SpecResources): CgroupSetting[] {
  const { shares, quota, period, cpus, mems } = cpu;
  const hasBandwidth = quota !== undefined || period !== undefined;
  return [
    ...(shares === undefined
      ? []
      : [setting('cpu.weight', String(weightOfShares(shares)), 'linux.resources.cpu.shares')]),
    ...(hasBandwidth
      ? [
          setting(
            'cpu.max',
            `${limitText(quota ?? -1)} ${String(period ?? DEFAULT_PERIOD)}`,
            `linux.resources.cpu.${quota === undefined ? 'period' : 'quota'}`,
          ),
        ]
      : []),
    ...(cpus === undefined ? [] : [setting('cpuset.cpus', cpus, 'linux.resources.cpu.cpus')]),
    ...(mems === undefined ? [] : [setting('cpuset.mems', mems, 'linux.resources.cpu.mems')]),
  ];
}

/** Shares of version 1 (2 to 262144) on the scale of version 2 (1 to 10000), as runc, crun and docker convert them. */
export function weightOfShares(shares: number): number {
  const within = Math.min(Math.max(shares, SHARES.least), SHARES.most);
  return 1 + Math.floor(((within - SHARES.least) * (MOST_WEIGHT - 1)) / (SHARES.most - SHARES.least));
}

/** A weight of version 1 (10 to 1000) on the scale of version 2 (1 to 10000), likewise. */
export function weightOfBlockIo(weight: number): number {
  const within = Math.min(Math.max(weight, BLOCK_WEIGHT.least), BLOCK_WEIGHT.most);
  return 1 + Math.floor(((within - BLOCK_WEIGHT.least) * (MOST_WEIGHT - 1)) / (BLOCK_WEIGHT.most - BLOCK_WEIGHT.least));
}

const THROTTLES = {
  throttleReadBpsDevice: 'rbps',
  throttleWriteBpsDevice: 'wbps',
  throttleReadIOPSDevice: 'riops',
  throttleWriteIOPSDevice: 'wiops',
} as const;

function blockSettings({ blockIO = {} }: SpecResources): CgroupSetting[] {
  const limits = new Map<string, string[]>();
  for (const [field, key] of Object.entries(THROTTLES) as [keyof typeof THROTTLES, string][]) {
    for (const throttle of blockIO[field] ?? []) {
      const device = deviceText(throttle);
      limits.set(device, [
        ...(limits.get(device) ?? []),
        `${key}=${throttle.rate === 0 ? 'max' : String(throttle.rate)}`,
      ]);
    }
  }
  return [
    ...weightSettings(blockIO.weight),
    ...[...limits].map(([device, words]) => setting('io.max', [device, ...words].join(' '), 'linux.resources.blockIO')),
  ];
}

/** iocost goes by one file, bfq by another, on the scale of version 1. Source: bfq-iosched.rst. */
function weightSettings(weight: number | undefined): CgroupSetting[] {
  if (weight === undefined) return [];
  const spec = 'linux.resources.blockIO.weight';
  return [
    setting('io.weight', `default ${String(weightOfBlockIo(weight))}`, spec),
    { ...setting('io.bfq.weight', `default ${String(weight)}`, spec), ifThere: true },
  ];
}

function deviceText({ major, minor }: SpecThrottle): string {
  return `${String(major)}:${String(minor)}`;
}

function limitText(value: number): string {
  return value < 0 ? 'max' : String(value);
}

function setting(file: string, value: string, spec: string): CgroupSetting {
  return { file, value, spec };
}

/** The controller that a file belongs to; null for those that every cgroup has. */
export function controllerOf(file: string): string | null {
  const name = file.slice(0, file.indexOf('.'));
  return name === 'cgroup' ? null : name;
}

/** Files that say how a cgroup stands beside its siblings: of no use in a leaf alone, so they are written one level up as well. */
const BESIDE_SIBLINGS = ['cpu.weight', 'io.weight', 'io.bfq.weight', 'memory.low'];

/** Those of the settings that count beside other containers. */
export function siblingSettings(settings: readonly CgroupSetting[]): CgroupSetting[] {
  return settings.filter(({ file }) => BESIDE_SIBLINGS.includes(file));
}

/** The flag that asks for a setting, for messages. */
export function flagOf({ file, value, spec }: CgroupSetting): string {
  const isWritten = spec.startsWith('linux.resources.unified') && file !== 'memory.high';
  const flag = isWritten ? undefined : (FLAGS[file] ?? (file === 'io.max' ? deviceFlag(value) : undefined));
  return flag ?? `--cgroup-conf ${file}`;
}

const FLAGS: Readonly<Record<string, string>> = {
  'memory.max': '--memory',
  'memory.low': '--memory-reservation',
  'memory.high': '--memory-high',
  'memory.swap.max': '--memory-swap',
  'cpu.weight': '--cpu-shares',
  'cpu.max': '--cpus',
  'cpuset.cpus': '--cpuset-cpus',
  'cpuset.mems': '--cpuset-mems',
  'pids.max': '--pids-limit',
  'io.weight': '--blkio-weight',
  'io.bfq.weight': '--blkio-weight',
};

const DEVICE_FLAGS: Readonly<Record<string, string>> = {
  rbps: '--device-read-bps',
  wbps: '--device-write-bps',
  riops: '--device-read-iops',
  wiops: '--device-write-iops',
};

function deviceFlag(value: string): string {
  const key = /\s([a-z]+)=/u.exec(value)?.[1] ?? '';
  return DEVICE_FLAGS[key] ?? '--cgroup-conf io.max';
}
