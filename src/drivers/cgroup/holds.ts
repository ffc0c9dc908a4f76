/** Whether what a file of a cgroup says is what was written to it; pure. The kernel words values in its own way. Source: cgroup-v2.rst. */
import type { CgroupSetting } from '../../oci/cgroup-settings.ts';

/** Memory is counted in whole pages; on the largest page that Linux uses no limit is off by more than this. */
const LARGEST_PAGE_BYTES = 65_536n;

/** True when `text`, read from the setting's file, means its value. */
export function holds({ file, value }: Pick<CgroupSetting, 'file' | 'value'>, text: string): boolean {
  const said = text.trim();
  if (said === value.trim()) return true;
  if (file.startsWith('cpuset.') && /^[\d,\s-]*$/u.test(value)) return isSameList(value, said);
  if (file === 'cpu.max') return isSameBandwidth(value, said);
  if (file.startsWith('io.')) return isAmongLines(value, said.split('\n'));
  return isSameLine(value, said) || isSameSize(value, said);
}

/** `0-2` and `0,1,2` are the same; of what can be had, all that was asked for must be there. */
function isSameList(value: string, said: string): boolean {
  const asked = numbersIn(value);
  const given = numbersIn(said);
  return asked.size === given.size && [...asked].every((number) => given.has(number));
}

const MOST_NUMBERS = 8192;

/** The numbers of a list such as `0-2,4`. */
export function numbersIn(list: string): Set<number> {
  const numbers = new Set<number>();
  for (const part of list.split(/[,\s]+/u).filter(Boolean)) {
    const [first = 0, last = first] = part.split('-').map(Number);
    for (let number = first; number <= last && numbers.size < MOST_NUMBERS; number += 1) numbers.add(number);
  }
  return numbers;
}

/** The period may be left out. */
function isSameBandwidth(value: string, said: string): boolean {
  const [quota, period] = value.trim().split(/\s+/u);
  const [saidQuota, saidPeriod] = said.split(/\s+/u);
  return quota === saidQuota && (period === undefined || period === saidPeriod);
}

/** A device without limits has no line. */
function isAmongLines(value: string, lines: readonly string[]): boolean {
  const [subject, ...words] = value.trim().split(/\s+/u);
  const own = lines.filter((line) => line.split(' ')[0] === subject);
  if (own.length === 0) return words.every((word) => word.endsWith('=max'));
  return own.some((line) => isSameLine(value, line));
}

/** Every word of the value is in a line such as `8:0 rbps=max wbps=1048576 riops=max wiops=max`, which begins with the same device. */
function isSameLine(value: string, line: string): boolean {
  const [subject = '', ...words] = value.trim().split(/\s+/u);
  const [saidSubject = '', ...said] = line.trim().split(/\s+/u);
  if (subject !== saidSubject) return false;
  return words.length > 0 && words.every((word) => said.includes(word));
}

const UNITS: Readonly<Record<string, bigint>> = { '': 1n, K: 1024n, M: 1024n ** 2n, G: 1024n ** 3n, T: 1024n ** 4n };

function isSameSize(value: string, said: string): boolean {
  const match = /^(\d+)([KMGT]?)$/iu.exec(value.trim());
  if (match === null || !/^\d+$/u.test(said)) return false;
  const bytes = BigInt(match[1] ?? '0') * (UNITS[match[2]?.toUpperCase() ?? ''] ?? 1n);
  const off = bytes - BigInt(said);
  return off >= 0n && off < LARGEST_PAGE_BYTES && (off === 0n || BigInt(said) % 4096n === 0n);
}
