/** Sizes and times as docker prints them; pure, CLI process. */

import { HutchError } from '../../errors/hutch-error.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** `1.23MB`: three digits, decimal units. Takes bytes. */
export function humanSize(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  // 999.5 would be rounded to "1000"; it is one of the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${String(Number(value.toPrecision(3)))}${UNITS[unit] ?? ''}`;
}

const SECONDS_PER = { minute: 60, hour: 3600, day: 86_400, week: 604_800, month: 2_592_000, year: 31_536_000 };

/** `3 minutes`, `About an hour`, `2 weeks`: takes milliseconds; negative ones (a clock set back) count as none. */
export function humanDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  if (seconds < 1) return 'Less than a second';
  if (seconds < SECONDS_PER.minute) return count(seconds, 'second');
  if (seconds < 2 * SECONDS_PER.minute) return 'About a minute';
  if (seconds < SECONDS_PER.hour) return count(seconds / SECONDS_PER.minute, 'minute');
  const hours = Math.round(seconds / SECONDS_PER.hour);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return count(hours, 'hour');
  if (seconds < 2 * SECONDS_PER.week) return count(seconds / SECONDS_PER.day, 'day');
  if (seconds < 2 * SECONDS_PER.month) return count(seconds / SECONDS_PER.week, 'week');
  if (seconds < 2 * SECONDS_PER.year) return count(seconds / SECONDS_PER.month, 'month');
  return count(seconds / SECONDS_PER.year, 'year');
}

/** `3 minutes ago`: takes the moment as milliseconds since 1970, or as an RFC 3339 string. */
export function humanSince(moment: number | string, nowMs = Date.now()): string {
  const momentMs = typeof moment === 'number' ? moment : Date.parse(moment);
  if (Number.isNaN(momentMs)) throw new HutchError(`"${String(moment)}" is not a time`, { code: 'RECORD_CORRUPT' });
  return `${humanDuration(nowMs - momentMs)} ago`;
}

/** `2026-01-31 10:00:00 +0000 UTC`, as docker and podman print a time in templates. Takes an RFC 3339 string. */
export function goTime(moment: string): string {
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? moment : `${date.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}

function count(quantity: number, unit: string): string {
  const whole = Math.floor(quantity);
  return `${String(whole)} ${unit}${whole === 1 ? '' : 's'}`;
}
