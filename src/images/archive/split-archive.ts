/** Takes an archive of images apart: every file in it becomes a file of its own in staging, digested on the way; on the host's side. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decompress, recognise } from '../../archive/compression.ts';
import { invalidArchive } from '../../archive/failure.ts';
import type { EntrySink, TarEntry } from '../../archive/tar/entry.ts';
import { refuseBomb } from '../../archive/refuse-bomb.ts';
import { createTarParser } from '../../archive/tar/parser.ts';
import type { Digest } from '../../oci/image.ts';
import { UNPACK_LIMITS } from '../layer/unpack-layer.ts';
import { writeError } from '../../state/json-file.ts';

/** A file of the archive. */
export interface Member {
  readonly path: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** The files of an archive by their names, links followed. */
export type Members = ReadonlyMap<string, Member>;

const HEADER_LIMIT_BYTES = 1 << 20;
/** No honest archive of images has nearly as many files. */
const MEMBER_LIMIT = 100_000;
/** Descriptions (JSON) larger than this are not read. */
const LARGEST_RECORD = 8 << 20;

/**
 * Reads a tar archive, plain or in gzip or zstd, and writes its files to `directory`, synced. ARCHIVE_INVALID, STORAGE_FULL,
 * STORE_UNWRITABLE. @param onProgress told of the bytes taken so far
 */
export async function splitArchive(
  input: AsyncIterable<Buffer>,
  directory: string,
  onProgress: (sizeBytes: number) => void = () => undefined,
): Promise<Members> {
  const collector = createCollector(directory);
  const parser = createTarParser(collector, { headerBytes: HEADER_LIMIT_BYTES });
  let [taken, grown] = [0, 0];
  const count = (sizeBytes: number): void => {
    taken = sizeBytes;
    onProgress(sizeBytes);
  };
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      try {
        grown += chunk.length;
        refuseBomb(grown, taken, UNPACK_LIMITS);
        parser.push(chunk);
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
  const chunks = input[Symbol.asyncIterator]();
  const first = await chunks.next();
  const compression = recognise(first.done === true ? Buffer.alloc(0) : first.value);
  const all = counted(first, chunks, count);
  try {
    await (compression === 'none' ? pipeline(all, sink) : decompress(compression, all, sink));
    parser.finish();
  } finally {
    collector.close();
  }
  return collector.members();
}

async function* counted(
  first: IteratorResult<Buffer, unknown>,
  rest: AsyncIterator<Buffer>,
  onProgress: (sizeBytes: number) => void,
): AsyncGenerator<Buffer> {
  let taken = 0;
  for (let next = first; next.done !== true; next = await rest.next()) {
    taken += next.value.length;
    onProgress(taken);
    yield next.value;
  }
}

interface OpenMember {
  readonly name: string;
  readonly path: string;
  readonly fd: number;
  readonly hash: Hash;
  sizeBytes: number;
}

interface Collector extends EntrySink {
  members(): Members;
  /** Closes a file that the end of a broken archive left open. */
  close(): void;
}

function createCollector(directory: string): Collector {
  const members = new Map<string, Member>();
  const links = new Map<string, string>();
  let open: OpenMember | undefined;

  const begin = (entry: TarEntry): void => {
    if (members.size + links.size > MEMBER_LIMIT) throw invalidArchive(`holds more than ${String(MEMBER_LIMIT)} files`);
    const name = plainName(entry.name);
    if (entry.type === 'symlink') links.set(name, plainName(join(name, '..', entry.linkName)));
    else if (entry.type === 'hardlink') links.set(name, plainName(entry.linkName));
    else if (entry.type === 'file') open = openMember(name, join(directory, `member-${String(members.size)}`));
  };

  const write = (chunk: Buffer, start: number, end: number, position: number): void => {
    if (open === undefined) return;
    if (position !== open.sizeBytes)
      throw invalidArchive('is sparse, which files of an image archive are not', open.name);
    const bytes = chunk.subarray(start, end);
    open.hash.update(bytes);
    open.sizeBytes += bytes.length;
    writeAll(open, bytes);
  };

  const end = (): void => {
    if (open === undefined) return;
    const { name, path, fd, hash, sizeBytes } = open;
    open = undefined;
    fdatasyncSync(fd);
    closeSync(fd);
    members.set(name, { path, sizeBytes, digest: `sha256:${hash.digest('hex')}` as Digest });
  };

  const followed = (): Members => {
    const all = new Map(members);
    for (const [name, target] of links) {
      const member = members.get(links.get(target) ?? target);
      if (member !== undefined) all.set(name, member);
    }
    return all;
  };

  const close = (): void => {
    if (open !== undefined) closeSync(open.fd);
  };
  return { begin, write, end, close, members: followed };
}

function openMember(name: string, path: string): OpenMember {
  try {
    return { name, path, fd: openSync(path, 'wx', 0o600), hash: createHash('sha256'), sizeBytes: 0 };
  } catch (error) {
    throw writeError(path, error);
  }
}

function writeAll({ fd, path }: OpenMember, bytes: Buffer): void {
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Only compared with names that descriptions give; no name of the archive ever becomes a path. */
function plainName(name: string): string {
  return name.replace(/^(\.?\/)+/u, '').replace(/\/+$/u, '');
}

/** The JSON in a file of the archive, or undefined when there is none of that name. ARCHIVE_INVALID. */
export function readMemberJson(members: Members, name: string): unknown {
  const member = members.get(name);
  if (member === undefined) return undefined;
  if (member.sizeBytes > LARGEST_RECORD) throw invalidArchive(`is ${String(member.sizeBytes)} bytes long`, name);
  try {
    return JSON.parse(readFileSync(member.path, 'utf8')) as unknown;
  } catch {
    throw invalidArchive('is not JSON', name);
  }
}
