/** A push parser for tar archives: bytes in, entries out, nothing held back but headers; pure. Source: tar(5). */
import { invalidArchive } from '../failure.ts';
import type { EntrySink, EntryType, TarEntry } from './entry.ts';
import { BLOCK_BYTES, isZeroBlock, numberAt, parseHeader, type TarHeader } from './header.ts';
import { parsePaxRecords, paxAttributes, paxNumber, paxTime, type PaxRecords } from './pax.ts';
import { checkSegments, createBodyMap, gnuSegments, paxSparse, type Segment } from './sparse.ts';

export interface TarParser {
  /** Takes the next bytes; they may be used again after the call. */
  push(chunk: Buffer): void;
  /** ARCHIVE_INVALID when the archive is not over. */
  finish(): void;
}

/** Who takes the bytes that follow a header. */
interface Body {
  take(chunk: Buffer, start: number, end: number): void;
  done(): void;
}

/** An old GNU sparse file whose map goes on in further blocks. */
interface OpenMap {
  readonly header: TarHeader;
  readonly segments: Segment[];
  readonly sizeBytes: number;
}

const TYPE_OF_FLAG: Readonly<Record<string, EntryType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  D: 'directory',
  '6': 'fifo',
};
const NO_RECORDS: PaxRecords = new Map();
const SKIP: Body = { take: () => undefined, done: () => undefined };

/** A parser that hands entries to `sink`. `headerBytes` bounds a single pax header, long name or sparse map. */
export function createTarParser(sink: EntrySink, limits: { readonly headerBytes: number }): TarParser {
  const carry = Buffer.alloc(BLOCK_BYTES);
  let carried = 0;
  let body: Body = SKIP;
  let remaining = 0;
  let padding = 0;
  let isOver = false;
  let headers = 0;
  let globals: PaxRecords = NO_RECORDS;
  let locals: PaxRecords = NO_RECORDS;
  let openMap: OpenMap | undefined;

  const expectBody = (sizeBytes: number, next: Body): void => {
    body = next;
    remaining = sizeBytes;
    padding = (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
    if (remaining === 0) body.done();
  };

  const readBlock = (buffer: Buffer, offset: number): void => {
    if (openMap !== undefined) {
      continueMap(openMap, buffer, offset);
      return;
    }
    if (isZeroBlock(buffer, offset)) {
      isOver = true;
      return;
    }
    const header = parseHeader(buffer, offset);
    if (header === undefined)
      throw headers === 0 ? notTar() : invalidArchive(`is damaged after ${String(headers)} headers`);
    headers += 1;
    readHeader(header, buffer, offset);
  };

  const readHeader = (header: TarHeader, buffer: Buffer, offset: number): void => {
    switch (header.flag) {
      case 'x':
      case 'X':
        collect(header, (bytes) => (locals = joined(locals, parsePaxRecords(bytes))));
        break;
      case 'g':
        collect(header, (bytes) => (globals = joined(globals, parsePaxRecords(bytes))));
        break;
      case 'L':
        collect(header, (bytes) => (locals = joined(locals, new Map([['path', untilNul(bytes)]]))));
        break;
      case 'K':
        collect(header, (bytes) => (locals = joined(locals, new Map([['linkpath', untilNul(bytes)]]))));
        break;
      case 'V':
        expectBody(sizeOf(header), SKIP);
        break;
      case 'S':
        startMap(header, buffer, offset);
        break;
      default:
        startEntry(header);
    }
  };

  const sizeOf = (header: TarHeader): number => {
    if (header.sizeBytes < 0) throw invalidArchive('has a negative size', header.name);
    return header.sizeBytes;
  };

  const collect = (header: TarHeader, use: (bytes: Buffer) => void): void => {
    const sizeBytes = sizeOf(header);
    if (sizeBytes > limits.headerBytes) {
      throw invalidArchive(
        `has a header of ${String(sizeBytes)} bytes, more than ${String(limits.headerBytes)}`,
        header.name,
      );
    }
    const bytes = Buffer.alloc(sizeBytes);
    let filled = 0;
    expectBody(sizeBytes, {
      take: (chunk, start, end) => (filled += chunk.copy(bytes, filled, start, end)),
      done: () => use(bytes),
    });
  };

  const startMap = (header: TarHeader, buffer: Buffer, offset: number): void => {
    const map = {
      header,
      segments: gnuSegments(buffer, offset + 386, 4, header.name),
      sizeBytes: numberAt(buffer, offset + 483, 12, header.name),
    };
    if (buffer[offset + 482] === 0) endMap(map);
    else openMap = map;
  };

  const continueMap = (map: OpenMap, buffer: Buffer, offset: number): void => {
    map.segments.push(...gnuSegments(buffer, offset, 21, map.header.name));
    if (map.segments.length * 24 > limits.headerBytes)
      throw invalidArchive('has too long a sparse map', map.header.name);
    if (buffer[offset + 504] === 0) endMap(map);
  };

  const endMap = (map: OpenMap): void => {
    openMap = undefined;
    const entry = makeEntry(map.header, 'file', map.sizeBytes);
    startSparse(entry, storedBytes(map.header), map.segments);
  };

  const startEntry = (header: TarHeader): void => {
    const type = typeOf(header, nonEmpty(records().get('path')) ?? header.name);
    // Only these are followed by bytes, whatever size the others state.
    const hasBody = TYPE_OF_FLAG[header.flag] === 'file' || header.flag === 'D';
    const stored = hasBody ? storedBytes(header) : 0;
    const sparse = type === 'file' ? paxSparse(records()) : undefined;
    const entry = makeEntry(header, type, sparse?.sizeBytes ?? (type === 'file' ? stored : 0));
    if (sparse?.kind === 'map') startSparse(entry, stored, sparse.segments);
    else if (sparse?.kind === 'map-in-body') startMapInBody(entry, stored);
    else startPlain(entry, stored);
  };

  /** `padding` covers the whole body, so the stored size and the map before it are counted together. */
  const startMapInBody = (entry: TarEntry, stored: number): void => {
    const map = createBodyMap(limits.headerBytes);
    const block = Buffer.alloc(BLOCK_BYTES);
    let filled = 0;
    let taken = 0;
    let data: Body | undefined;
    const takeBlock = (): void => {
      filled = 0;
      taken += BLOCK_BYTES;
      const segments = map.add(block);
      if (segments === undefined) return;
      checkSegments(segments, stored - taken, entry.sizeBytes, entry.name);
      sink.begin(entry);
      data = segmentBody(sink, segments);
    };
    expectBody(stored, {
      take: (chunk, start, end) => {
        let at = start;
        while (data === undefined && at < end) {
          const count = chunk.copy(block, filled, at, end);
          at += count;
          filled += count;
          if (filled === BLOCK_BYTES) takeBlock();
        }
        if (at < end) data?.take(chunk, at, end);
      },
      done: () => {
        if (data === undefined) throw invalidArchive('has an incomplete sparse map', entry.name);
        data.done();
      },
    });
  };

  const startSparse = (entry: TarEntry, stored: number, segments: readonly Segment[]): void => {
    checkSegments(segments, stored, entry.sizeBytes, entry.name);
    sink.begin(entry);
    expectBody(stored, segmentBody(sink, segments));
  };

  const startPlain = (entry: TarEntry, stored: number): void => {
    sink.begin(entry);
    if (entry.type !== 'file') {
      sink.end();
      expectBody(stored, SKIP);
      return;
    }
    let position = 0;
    expectBody(stored, {
      take: (chunk, start, end) => {
        sink.write(chunk, start, end, position);
        position += end - start;
      },
      done: () => sink.end(),
    });
  };

  const records = (): PaxRecords => (globals === NO_RECORDS ? locals : joined(globals, locals));

  const storedBytes = (header: TarHeader): number => paxNumber(records(), 'size') ?? sizeOf(header);

  /** The entry that a header and the records before it describe; the records of one entry do not outlive it. */
  const makeEntry = (header: TarHeader, type: EntryType, sizeBytes: number): TarEntry => {
    const overrides = records();
    locals = NO_RECORDS;
    if (overrides === NO_RECORDS) return plainEntry(header, type, sizeBytes);
    return {
      ...plainEntry(header, type, sizeBytes),
      name: nonEmpty(overrides.get('GNU.sparse.name')) ?? nonEmpty(overrides.get('path')) ?? header.name,
      linkName: nonEmpty(overrides.get('linkpath')) ?? header.linkName,
      uid: paxNumber(overrides, 'uid') ?? header.uid,
      gid: paxNumber(overrides, 'gid') ?? header.gid,
      mtime: paxTime(overrides, 'mtime') ?? { seconds: header.mtimeSeconds, nanoseconds: 0 },
      attributes: paxAttributes(overrides),
    };
  };

  const takeBody = (chunk: Buffer, at: number): number => {
    const end = Math.min(chunk.length, at + remaining);
    remaining -= end - at;
    body.take(chunk, at, end);
    if (remaining === 0) body.done();
    return end;
  };

  const takeBlockPart = (chunk: Buffer, at: number): number => {
    if (carried === 0 && chunk.length - at >= BLOCK_BYTES) {
      readBlock(chunk, at);
      return at + BLOCK_BYTES;
    }
    const count = chunk.copy(carry, carried, at, Math.min(chunk.length, at + BLOCK_BYTES - carried));
    carried += count;
    if (carried === BLOCK_BYTES) {
      carried = 0;
      readBlock(carry, 0);
    }
    return at + count;
  };

  return {
    push(chunk) {
      let at = 0;
      while (at < chunk.length && !isOver) {
        if (remaining > 0) {
          at = takeBody(chunk, at);
        } else if (padding > 0) {
          const count = Math.min(padding, chunk.length - at);
          padding -= count;
          at += count;
        } else {
          at = takeBlockPart(chunk, at);
        }
      }
    },
    finish() {
      if (isOver) return;
      if (headers === 0) throw notTar();
      const isBetweenEntries =
        remaining === 0 && padding === 0 && carried === 0 && openMap === undefined && locals === NO_RECORDS;
      if (!isBetweenEntries) throw invalidArchive(`is cut short after ${String(headers)} headers`);
    },
  };
}

function notTar(): Error {
  return invalidArchive('is no tar archive', undefined, 'give a root file system as .tar, .tar.gz or .tar.zst');
}

function typeOf(header: TarHeader, name: string): EntryType {
  const type = TYPE_OF_FLAG[header.flag];
  if (type === undefined) throw invalidArchive(`is of a kind that hutch does not know ("${header.flag}")`, header.name);
  // v7 had no directories of their own.
  return type === 'file' && name.endsWith('/') ? 'directory' : type;
}

function plainEntry(header: TarHeader, type: EntryType, sizeBytes: number): TarEntry {
  return {
    type,
    name: header.name,
    linkName: header.linkName,
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    mtime: { seconds: header.mtimeSeconds, nanoseconds: 0 },
    sizeBytes,
    attributes: [],
  };
}

/** Spreads stored bytes over the segments of a sparse file. */
function segmentBody(sink: EntrySink, segments: readonly Segment[]): Body {
  let index = 0;
  let used = 0;
  return {
    take(chunk, start, end) {
      let at = start;
      while (at < end) {
        const segment = segments[index];
        if (segment === undefined) return;
        const count = Math.min(end - at, segment.lengthBytes - used);
        if (count > 0) sink.write(chunk, at, at + count, segment.offset + used);
        at += count;
        used += count;
        if (used < segment.lengthBytes) continue;
        index += 1;
        used = 0;
      }
    },
    done: () => sink.end(),
  };
}

function joined(first: PaxRecords, second: PaxRecords): PaxRecords {
  if (first === NO_RECORDS) return second;
  return second === NO_RECORDS ? first : new Map([...first, ...second]);
}

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
