/** Pax extended headers: records that overrule fields of the next entry; pure. Source: pax(1), POSIX. */
import { invalidArchive } from '../failure.ts';
import type { Attribute } from './entry.ts';

/** Values by key, bytes in latin1 strings. An empty value takes the field back. */
export type PaxRecords = ReadonlyMap<string, string>;

/** A moment with the digits that a header block has no room for. */
interface Moment {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** Sparse maps of the oldest pax form repeat these two keys; their values are collected, joined by commas. */
const REPEATED_KEYS = ['GNU.sparse.offset', 'GNU.sparse.numbytes'];

/** Reads the records `length key=value\n` of one header. ARCHIVE_INVALID when they do not fit together. */
export function parsePaxRecords(body: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < body.length) {
    const end = recordEnd(body, at);
    const text = body.toString('latin1', body.indexOf(32, at) + 1, end - 1);
    const split = text.indexOf('=');
    if (split < 1) throw invalidArchive('has a pax record without a key');
    addRecord(records, text.slice(0, split), text.slice(split + 1));
    at = end;
  }
  return records;
}

function recordEnd(body: Buffer, at: number): number {
  const digits = /^[0-9]{1,10} /u.exec(body.toString('latin1', at, at + 11))?.[0];
  const end = at + Number(digits ?? Number.NaN);
  const isWhole = digits !== undefined && end <= body.length && end > at + digits.length && body[end - 1] === 10;
  if (!isWhole) throw invalidArchive('has a damaged pax header');
  return end;
}

function addRecord(records: Map<string, string>, key: string, value: string): void {
  const before = REPEATED_KEYS.includes(key) ? records.get(key) : undefined;
  records.set(key, before === undefined ? value : `${before},${value}`);
}

/** A decimal number of 0 or more; undefined when the record is absent or empty. */
export function paxNumber(records: PaxRecords, key: string): number | undefined {
  const text = records.get(key);
  if (text === undefined || text === '') return undefined;
  const value = /^[0-9]{1,16}$/u.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalidArchive(`has a pax record ${key} that is no number`);
  return value;
}

/** A moment in seconds with an optional fraction; the fraction of a negative one counts forward (floor). */
export function paxTime(records: PaxRecords, key: string): Moment | undefined {
  const text = records.get(key);
  if (text === undefined || text === '') return undefined;
  const parts = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/u.exec(text);
  if (parts === null) throw invalidArchive(`has a pax record ${key} that is no time`);
  const whole = Number(parts[2]);
  const nanoseconds = Number((parts[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (parts[1] !== '-') return { seconds: whole, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - whole, nanoseconds }
    : { seconds: -whole - 1, nanoseconds: 1e9 - nanoseconds };
}

const ATTRIBUTE_PREFIX = 'SCHILY.xattr.';

/** The extended attributes among the records. */
export function paxAttributes(records: PaxRecords): Attribute[] {
  const attributes: Attribute[] = [];
  for (const [key, value] of records) {
    if (!key.startsWith(ATTRIBUTE_PREFIX)) continue;
    attributes.push({ name: key.slice(ATTRIBUTE_PREFIX.length), value: Buffer.from(value, 'latin1') });
  }
  return attributes;
}
