/** The flags that limit a container, shared by `run`, `create` and `update`; CLI process. */
import type { LimitRequest } from '../engine/container/limit-request.ts';
import type { RateRequest } from '../engine/container/update-rate.ts';
import { impossibleAmong } from '../engine/container/impossible-limits.ts';
import { Flags } from './base-command.ts';

const several = (description: string) => Flags.string({ multiple: true, description });
const one = (description: string) => Flags.string({ description });

const refused = (description: string) =>
  Flags.string({ description: `refused: ${description}`, hidden: true, multiple: true });

/** Docker's, for which there is a reason instead of a limit. */
const REFUSED_FLAGS = {
  'oom-kill-disable': Flags.boolean({ description: 'refused: cgroup v2 does not have it', hidden: true }),
  'device-cgroup-rule': refused('device programs are for root'),
  'kernel-memory': refused('cgroup v2 does not have it'),
  'memory-swappiness': refused('cgroup v2 does not have it'),
  'blkio-weight-device': refused('iocost and bfq are for root'),
  'cpu-rt-runtime': refused('cgroup v2 does not have it'),
  'cpu-rt-period': refused('cgroup v2 does not have it'),
};

export const LIMIT_FLAGS = {
  memory: Flags.string({ char: 'm', description: 'memory beyond which the kernel kills it, such as 512m' }),
  'memory-reservation': one('memory that the kernel leaves to it when the host has little'),
  'memory-swap': one('memory and swap together; -1 for any amount of swap (default: twice --memory)'),
  'memory-high': one('memory beyond which it is slowed down instead of killed'),
  cpus: one('processor time in processors, such as 1.5'),
  'cpu-shares': Flags.string({ char: 'c', description: 'weight beside other containers (usually 1024)' }),
  'cpu-quota': one('microseconds of processor time in each period'),
  'cpu-period': one('length of a period in microseconds (default 100000)'),
  'cpuset-cpus': one('processors it may run on, such as 0-2,4'),
  'cpuset-mems': one('memory nodes it may use'),
  'pids-limit': one('processes and threads it may have (default 2048; 0 or -1 for any number)'),
  'blkio-weight': one('weight of its block I/O, 10 to 1000'),
  'device-read-bps': several('bytes a second that it may read from a block device: /dev/sda:1m'),
  'device-write-bps': several('bytes a second that it may write to a block device'),
  'device-read-iops': several('operations a second that it may read by: /dev/sda:100'),
  'device-write-iops': several('operations a second that it may write by'),
  'cgroup-conf': several('FILE=VALUE of cgroup v2, such as memory.oom.group=1'),
  ...REFUSED_FLAGS,
};

export const RATE_FLAGS = {
  'network-rate': one('hold its network to a rate in each direction: 8mbit, 500kbit (bits per second)'),
  'network-burst': one('bytes that may pass at once after a pause, such as 256k'),
};

export function rateFrom(flags: Readonly<Record<string, unknown>>): RateRequest {
  return {
    networkRate: flags['network-rate'] as string | undefined,
    networkBurst: flags['network-burst'] as string | undefined,
  };
}

/** The request that parsed flags stand for. */
export function limitsFrom(flags: Readonly<Record<string, unknown>>): LimitRequest {
  const text = (name: string): string | undefined => flags[name] as string | undefined;
  const list = (name: string): readonly string[] => (flags[name] as readonly string[] | undefined) ?? [];
  return {
    memory: text('memory'),
    memoryReservation: text('memory-reservation'),
    memorySwap: text('memory-swap'),
    memoryHigh: text('memory-high'),
    cpus: text('cpus'),
    cpuShares: text('cpu-shares'),
    cpuQuota: text('cpu-quota'),
    cpuPeriod: text('cpu-period'),
    cpusetCpus: text('cpuset-cpus'),
    cpusetMems: text('cpuset-mems'),
    pidsLimit: text('pids-limit'),
    blkioWeight: text('blkio-weight'),
    deviceReadBps: list('device-read-bps'),
    deviceWriteBps: list('device-write-bps'),
    deviceReadIops: list('device-read-iops'),
    deviceWriteIops: list('device-write-iops'),
    cgroupConf: list('cgroup-conf'),
    impossible: impossibleAmong((name) =>
      [flags[name] as boolean | string[] | undefined]
        .flat()
        .flatMap((value) => (value === undefined ? [] : String(value))),
    ),
  };
}
