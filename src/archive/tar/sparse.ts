/** Sparse files in tar archives: where the stored bytes belong, in the GNU form and the three pax forms; pure. */
import { invalidArchive } from '../failure.ts';
import { numberAt } from './header.ts';
import { paxNumber, type PaxRecords } from './pax.ts';

/** Stored bytes `lengthBytes` belong at `offset` of the file. */
export interface Segment {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** The segments in a GNU header (4 of them from byte 386) or its continuation blocks (21 from byte 0). */
export function gnuSegments(block: Buffer, start: number, count: number, entry: string): Segment[] {
  const segments: Segment[] = [];
  for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24) {
    segments.push({ offset: numberAt(block, at, 12, entry), lengthBytes: numberAt(block, at + 12, 12, entry) });
  }
  return segments;
}

/** What pax records say about the next entry: nothing, a map, or (form 1.0) that its body begins with a map. */
export type PaxSparse =
  | { readonly kind: 'map'; readonly sizeBytes: number; readonly segments: readonly Segment[] }
  | { readonly kind: 'map-in-body'; readonly sizeBytes: number };

export function paxSparse(records: PaxRecords): PaxSparse | undefined {
  const major = records.get('GNU.sparse.major');
  if (major !== undefined && major !== '0') {
    if (major !== '1' || records.get('GNU.sparse.minor') !== '0')
      throw invalidArchive('has a sparse file of an unknown form');
    return { kind: 'map-in-body', sizeBytes: paxNumber(records, 'GNU.sparse.realsize') ?? 0 };
  }
  const sizeBytes = paxNumber(records, 'GNU.sparse.size');
  if (sizeBytes === undefined) return undefined;
  const map = records.get('GNU.sparse.map');
  const segments = map === undefined ? zipped(records) : paired(numbersOf(map));
  return { kind: 'map', sizeBytes, segments };
}

function zipped(records: PaxRecords): Segment[] {
  const lengths = numbersOf(records.get('GNU.sparse.numbytes') ?? '');
  const offsets = numbersOf(records.get('GNU.sparse.offset') ?? '');
  return paired(offsets.flatMap((offset, index) => [offset, lengths[index] ?? Number.NaN]));
}

function numbersOf(text: string): number[] {
  return text === ''
    ? []
    : text.split(',').map((digits) => (/^[0-9]{1,16}$/u.test(digits) ? Number(digits) : Number.NaN));
}

function paired(numbers: readonly number[]): Segment[] {
  const segments: Segment[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    segments.push({ offset: numbers[at] ?? Number.NaN, lengthBytes: numbers[at + 1] ?? Number.NaN });
  }
  return segments;
}

/** Reads the map at the start of a body (form 1.0): decimal lines, the count first, filled up to whole blocks. */
export interface BodyMap {
  /** Takes one block; the segments once the map is complete. */
  add(block: Buffer): readonly Segment[] | undefined;
}

export function createBodyMap(limitBytes: number): BodyMap {
  const lines: string[] = [];
  let partial = '';
  let taken = 0;
  return {
    add(block) {
      taken += block.length;
      if (taken > limitBytes) throw invalidArchive(`has a sparse map of more than ${String(limitBytes)} bytes`);
      const parts = (partial + block.toString('latin1')).split('\n');
      partial = parts.pop() ?? '';
      for (const line of parts) lines.push(line);
      const count = lines[0] === undefined ? undefined : numbersOf(lines[0])[0];
      if (count === undefined || lines.length < 1 + 2 * count) return undefined;
      return paired(numbersOf(lines.slice(1, 1 + 2 * count).join(',')));
    },
  };
}

/** ARCHIVE_INVALID unless the segments are in order, apart, inside the file, and as long together as what is stored. */
export function checkSegments(
  segments: readonly Segment[],
  storedBytes: number,
  sizeBytes: number,
  entry: string,
): void {
  let end = 0;
  let sum = 0;
  for (const { offset, lengthBytes } of segments) {
    if (!(offset >= end && lengthBytes >= 0)) throw invalidArchive('has a damaged sparse map', entry);
    end = offset + lengthBytes;
    sum += lengthBytes;
  }
  if (!(end <= sizeBytes) || sum !== storedBytes)
    throw invalidArchive('has a sparse map that does not fit its size', entry);
}
