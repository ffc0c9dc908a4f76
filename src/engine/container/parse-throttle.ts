/** PATH:RATE of the flags --device-read-bps and the like: which block device, and how much a second; on the host's side, reads only. */
import { statSync, type Stats } from 'node:fs';
import type { SpecThrottle } from '../../oci/resources.ts';
import { badValue, parseSize } from './parse-values.ts';

interface ThrottleOptions {
  readonly unit: 'bytes' | 'operations';
  /** Those of other devices stay. */
  readonly before: readonly SpecThrottle[] | undefined;
}

/** The throttles, the last one of each device; a rate of 0 lifts it. USAGE_INVALID for a path that is no block device. */
export function parseThrottles(
  flag: string,
  texts: readonly string[],
  { unit, before = [] }: ThrottleOptions,
): SpecThrottle[] {
  const throttles = [...before, ...texts.map((text) => parseThrottle(flag, text, unit))];
  return [
    ...new Map(throttles.map((throttle) => [`${String(throttle.major)}:${String(throttle.minor)}`, throttle])).values(),
  ];
}

function parseThrottle(flag: string, text: string, unit: 'bytes' | 'operations'): SpecThrottle {
  const colon = text.lastIndexOf(':');
  const path = text.slice(0, Math.max(colon, 0));
  if (!path.startsWith('/')) throw badValue(flag, text, 'PATH:RATE, such as /dev/sda:1m');
  return { ...deviceOf(flag, path), rate: parseRate(flag, text, text.slice(colon + 1), unit) };
}

function parseRate(flag: string, whole: string, text: string, unit: 'bytes' | 'operations'): number {
  if (text === '0') return 0;
  if (unit === 'bytes') return parseSize(flag, text, whole);
  const number = /^\d+$/u.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < 1) throw badValue(flag, whole, 'PATH:NUMBER, operations a second');
  return number;
}

function deviceOf(flag: string, path: string): Pick<SpecThrottle, 'major' | 'minor'> {
  const stats = statIfThere(path);
  if (stats?.isBlockDevice() !== true) throw badValue(flag, path, 'the path of a block device; see lsblk(8)');
  return deviceNumbers(stats.rdev);
}

function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** The numbers in st_rdev. Source: makedev(3), as glibc lays them out. */
export function deviceNumbers(rdev: number): { readonly major: number; readonly minor: number } {
  const device = BigInt(rdev);
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffff_ff00n)),
  };
}
