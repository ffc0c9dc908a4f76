/** Reading the values of flags: sizes, durations, limits, ids; pure. Each throws USAGE_INVALID with the value and the form wanted. */
import { HutchError } from '../../errors/hutch-error.ts';

/** The error for a flag's value. `form` completes "use". */
export function badValue(flag: string, value: string, form: string): HutchError {
  return new HutchError(`invalid value "${value.replaceAll('\n', '\\n')}" for ${flag}`, {
    code: 'USAGE_INVALID',
    hint: `use ${form}`,
    context: { flag, value },
  });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes of a size such as `64m`, `1.5g`, `512kb`; units are binary. `whole` is the value that the size is a part of. */
export function parseSize(flag: string, text: string, whole = text): number {
  const match = /^(\d+(?:\.\d+)?)([BKMGTbkmgt]?)(?:[Ii]?[Bb])?$/u.exec(text);
  const bytes =
    match === null ? Number.NaN : Math.floor(Number(match[1]) * (UNITS[match[2]?.toLowerCase() ?? ''] ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0)
    throw badValue(flag, whole, 'a number with a unit: b, k, m or g, such as 64m');
  return bytes;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of `90`, `-90`, `1h30m`, `2d`. */
export function parseSeconds(flag: string, text: string): number {
  const form = 'seconds, or a duration such as 90s, 1h30m or 2d, with "-" before it for the past';
  if (/^[+-]?\d+$/u.test(text)) return Number(text);
  const match = /^([+-]?)((?:\d+[smhd])+)$/u.exec(text);
  if (match === null) throw badValue(flag, text, form);
  const total = [...(match[2] ?? '').matchAll(/(\d+)([smhd])/gu)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit ?? ''] ?? 0),
    0,
  );
  return match[1] === '-' ? -total : total;
}

/** `host` or `private`. */
export function parseSharing(flag: string, text: string | undefined): 'host' | 'private' {
  if (text === undefined || text === 'private') return 'private';
  if (text === 'host') return 'host';
  throw badValue(flag, text, '"host" or "private"');
}

/** `KEY=VALUE` into its halves. */
export function parsePair(flag: string, text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw badValue(flag, text, 'KEY=VALUE');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** An absolute path without `..`, made plain; anything else is refused. */
export function parseContainerPath(flag: string, text: string): string {
  if (!text.startsWith('/') || text.includes('\0')) throw badValue(flag, text, 'an absolute path in the container');
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
