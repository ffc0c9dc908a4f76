/** From the limits that a user asks for to the resources of a spec, with the words and the meaning that docker and podman give them. */
import { DEFAULT_PERIOD } from '../../oci/cgroup-settings.ts';
import type { SpecResources } from '../../oci/resources.ts';
import { refuseImpossible } from './impossible-limits.ts';
import { parseThrottles } from './parse-throttle.ts';
import type { LimitRequest } from './limit-request.ts';
import { badValue, parsePair, parseSize } from './parse-values.ts';

type Memory = NonNullable<SpecResources['memory']>;
type BlockIo = NonNullable<SpecResources['blockIO']>;
type Cpu = NonNullable<SpecResources['cpu']>;

/** The least quota and the bounds of the period that the kernel takes; microseconds. Source: sched-bwc.rst. */
const LEAST_QUOTA = 1000;
const PERIODS = { least: 1000, most: 1_000_000 } as const;
/** Docker's least. A start takes about one MiB of it (docs/limits.md). */
const LEAST_MEMORY_BYTES = 6 * 1024 * 1024;
const SHARES = { least: 2, most: 262_144 } as const;
const WEIGHTS = { least: 10, most: 1000 } as const;

/**
 * The resources, on top of those that were there before. USAGE_INVALID names the flag and the value; LIMIT_UNAVAILABLE what no ordinary user
 * can have.
 */
export function buildResources(request: LimitRequest, before: SpecResources = {}): SpecResources {
  refuseImpossible(request.impossible);
  const memory = buildMemory(request, before.memory ?? {});
  const cpu = buildCpu(request, before.cpu ?? {});
  const pids = request.pidsLimit === undefined ? before.pids : { limit: parsePids(request.pidsLimit) };
  const blockIO = buildBlockIo(request, before.blockIO ?? {});
  const unified = { ...before.unified, ...buildUnified(request) };
  return {
    ...(isEmpty(memory) ? {} : { memory }),
    ...(isEmpty(cpu) ? {} : { cpu }),
    ...(pids === undefined ? {} : { pids }),
    ...(isEmpty(blockIO) ? {} : { blockIO }),
    ...(isEmpty(unified) ? {} : { unified }),
  };
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}

function buildMemory(request: LimitRequest, before: Memory): Memory {
  const limit = limitOf(request.memory) ?? before.limit;
  const reservation = sizeOf('--memory-reservation', request.memoryReservation) ?? before.reservation;
  const swap = swapOf(request, limit, before);
  if (limit !== undefined && limit > 0 && (reservation ?? 0) > limit)
    throw badValue(
      '--memory-reservation',
      request.memoryReservation ?? '',
      `at most the ${String(limit)} bytes of --memory`,
    );
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(reservation === undefined ? {} : { reservation }),
    ...(swap === undefined ? {} : { swap }),
  };
}

/** With less a container could not even start, or would end at its first need. */
function limitOf(memory: string | undefined): number | undefined {
  const limit = sizeOf('--memory', memory);
  if (limit === undefined || limit <= 0 || limit >= LEAST_MEMORY_BYTES) return limit;
  throw badValue('--memory', memory ?? '', 'at least 6m: a container with less does not start or not last');
}

/** Without --memory-swap there may be as much swap as memory. */
function swapOf({ memory, memorySwap }: LimitRequest, limit: number | undefined, before: Memory): number | undefined {
  const asked = memorySwap === '0' ? undefined : sizeOf('--memory-swap', memorySwap);
  if (asked === undefined) {
    if (memory === undefined) return before.swap;
    return limit === undefined || limit < 0 ? limit : limit * 2;
  }
  if (asked < 0) return asked;
  if (limit === undefined || limit < 0)
    throw badValue('--memory-swap', memorySwap ?? '', '--memory as well: it is memory and swap together');
  if (asked < limit)
    throw badValue(
      '--memory-swap',
      memorySwap ?? '',
      `at least the ${String(limit)} bytes of --memory: it is memory and swap together`,
    );
  return asked;
}

/** Bytes; -1 for none, which 0 says as well; undefined when nothing was said. */
function sizeOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return text === '-1' || text === '0' ? -1 : parseSize(flag, text);
}

function buildCpu(request: LimitRequest, before: Cpu): Cpu {
  const { cpus, cpuShares, cpuQuota, cpuPeriod, cpusetCpus, cpusetMems } = request;
  if (cpus !== undefined && (cpuQuota !== undefined || cpuPeriod !== undefined))
    throw badValue('--cpus', cpus, 'either --cpus or --cpu-quota with --cpu-period: they mean the same');
  const shares =
    cpuShares === undefined || cpuShares === '0' ? undefined : parseWhole('--cpu-shares', cpuShares, SHARES);
  return {
    ...before,
    ...(shares === undefined ? {} : { shares }),
    ...(cpus === undefined ? {} : parseCpus(cpus)),
    ...(cpuQuota === undefined ? {} : { quota: parseQuota(cpuQuota) }),
    ...(cpuPeriod === undefined || cpuPeriod === '0' ? {} : { period: parseWhole('--cpu-period', cpuPeriod, PERIODS) }),
    ...(cpusetCpus === undefined ? {} : { cpus: parseList('--cpuset-cpus', cpusetCpus) }),
    ...(cpusetMems === undefined ? {} : { mems: parseList('--cpuset-mems', cpusetMems) }),
  };
}

/** `1.5` processors are 150000 microseconds of time in each 100000. */
function parseCpus(text: string): Pick<Cpu, 'quota' | 'period'> {
  const cpus = /^\d+(?:\.\d+)?$|^\.\d+$/u.test(text) ? Number(text) : Number.NaN;
  if (cpus === 0) return { quota: -1, period: DEFAULT_PERIOD };
  const quota = Math.round(cpus * DEFAULT_PERIOD);
  if (!Number.isSafeInteger(quota) || quota < LEAST_QUOTA)
    throw badValue('--cpus', text, 'a number of processors from 0.01 on, such as 1.5');
  return { quota, period: DEFAULT_PERIOD };
}

function parseQuota(text: string): number {
  if (text === '-1' || text === '0') return -1;
  return parseWhole('--cpu-quota', text, { least: LEAST_QUOTA, most: Number.MAX_SAFE_INTEGER });
}

/** 0 and -1 mean none. */
function parsePids(text: string): number {
  if (text === '-1' || text === '0') return -1;
  return parseWhole('--pids-limit', text, { least: 1, most: 4_194_304 });
}

function buildBlockIo(request: LimitRequest, before: BlockIo): BlockIo {
  const { blkioWeight } = request;
  const weight =
    blkioWeight === undefined || blkioWeight === '0' ? undefined : parseWhole('--blkio-weight', blkioWeight, WEIGHTS);
  return {
    ...before,
    ...(weight === undefined ? {} : { weight }),
    ...Object.fromEntries(
      THROTTLES.flatMap(({ flag, asked, field, unit }) => {
        const texts = request[asked];
        return texts.length === 0 ? [] : [[field, parseThrottles(flag, texts, { unit, before: before[field] })]];
      }),
    ),
  };
}

const THROTTLES = [
  { flag: '--device-read-bps', asked: 'deviceReadBps', field: 'throttleReadBpsDevice', unit: 'bytes' },
  { flag: '--device-write-bps', asked: 'deviceWriteBps', field: 'throttleWriteBpsDevice', unit: 'bytes' },
  { flag: '--device-read-iops', asked: 'deviceReadIops', field: 'throttleReadIOPSDevice', unit: 'operations' },
  { flag: '--device-write-iops', asked: 'deviceWriteIops', field: 'throttleWriteIOPSDevice', unit: 'operations' },
] as const;

/** Files that hutch itself works with. */
const RESERVED = [
  'cgroup.procs',
  'cgroup.threads',
  'cgroup.kill',
  'cgroup.freeze',
  'cgroup.subtree_control',
  'cgroup.type',
];

function buildUnified({ cgroupConf, memoryHigh }: LimitRequest): Record<string, string> {
  const high = sizeOf('--memory-high', memoryHigh);
  const pairs = cgroupConf.map((text) => {
    const [file, value] = parsePair('--cgroup-conf', text);
    if (!/^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+$/iu.test(file) || RESERVED.includes(file) || value === '')
      throw badValue('--cgroup-conf', text, 'FILE=VALUE with a limit of cgroup v2, such as memory.high=64M');
    return [file, value] as const;
  });
  return {
    ...(high === undefined ? {} : { 'memory.high': high < 0 ? 'max' : String(high) }),
    ...Object.fromEntries(pairs),
  };
}

function parseList(flag: string, text: string): string {
  if (!/^\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*$/u.test(text)) throw badValue(flag, text, 'a list of numbers such as 0-2,4');
  return text;
}

function parseWhole(
  flag: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const number = /^\d+$/u.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < least || number > most)
    throw badValue(flag, text, `a whole number from ${String(least)} to ${String(most)}`);
  return number;
}
