/** The limits that a user asks for, as `run`, `create` and `update` give them: unparsed words, left out where nothing was said; pure types. */

import type { ImpossibleLimit } from './impossible-limits.ts';

export interface LimitRequest {
  readonly memory?: string | undefined;
  readonly memoryReservation?: string | undefined;
  /** Memory and swap together, or -1. */
  readonly memorySwap?: string | undefined;
  readonly memoryHigh?: string | undefined;
  readonly cpus?: string | undefined;
  readonly cpuShares?: string | undefined;
  readonly cpuQuota?: string | undefined;
  readonly cpuPeriod?: string | undefined;
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  readonly pidsLimit?: string | undefined;
  readonly blkioWeight?: string | undefined;
  /** PATH:RATE, here and below. */
  readonly deviceReadBps: readonly string[];
  readonly deviceWriteBps: readonly string[];
  readonly deviceReadIops: readonly string[];
  readonly deviceWriteIops: readonly string[];
  /** FILE=VALUE. */
  readonly cgroupConf: readonly string[];
  /** Asked for, and never to be had. */
  readonly impossible: readonly ImpossibleLimit[];
}

/** Nothing is asked for. */
export const NO_LIMITS: LimitRequest = {
  deviceReadBps: [],
  deviceWriteBps: [],
  deviceReadIops: [],
  deviceWriteIops: [],
  cgroupConf: [],
  impossible: [],
};

/** True when anything is asked for. */
export function hasLimits(request: LimitRequest): boolean {
  return Object.values(request).some((value) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false,
  );
}
