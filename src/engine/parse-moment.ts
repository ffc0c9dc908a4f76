/** What `--since`, `--until` and filters take for a moment: when, or how long ago it was; pure but for the clock. */
import { badValue } from './container/parse-values.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const RFC3339 = /^\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?(?:Z|[+-]\d\d:\d\d)?)?$/u;

/** As momentOf(). USAGE_INVALID names `flag` and what it takes. */
export function parseMoment(flag: string, text: string, now = Date.now()): number {
  const ms = momentOf(text, now);
  if (ms === undefined)
    throw badValue(flag, text, 'a time such as 2026-01-31T12:00:00Z, seconds since 1970, or a duration such as 10m');
  return ms;
}

/**
 * Milliseconds since 1970 of a moment as docker takes it: RFC 3339, whole or from its hour, minute or second on left out, in the
 * caller's time zone when it names none; seconds since 1970; or a duration such as `1h30m`, counted back from `now`, with `-` forward. Undefined
 * for anything else.
 */
export function momentOf(text: string, now = Date.now()): number | undefined {
  const ms = seconds(text) ?? date(text) ?? ago(text, now);
  return Number.isNaN(ms) ? undefined : ms;
}

function seconds(text: string): number | undefined {
  return /^\d+(?:\.\d{1,9})?$/u.test(text) ? Math.floor(Number(text) * 1000) : undefined;
}

/** Date.parse() takes a date alone as UTC and needs minutes. */
function date(text: string): number | undefined {
  if (!RFC3339.test(text)) return undefined;
  if (text.length === 10) return Date.parse(`${text}T00:00:00`);
  return Date.parse(text.replace(/^(.{10}T\d\d)(?!:|\d)/u, '$1:00'));
}

function ago(text: string, now: number): number | undefined {
  const match = /^(-?)((?:\d+(?:\.\d+)?(?:ns|us|µs|ms|[smhd]))+)$/u.exec(text);
  if (match === null) return undefined;
  const parts = [...(match[2] ?? '').matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|[smhd])/gu)];
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? Number.NaN), 0);
  return match[1] === '-' ? now + ms : now - ms;
}
