/** Blobs on their way into the store: written in staging, digested and synced before anyone may see them; on the host's side. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  createWriteStream,
  fsyncSync,
  openSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CHUNK_BYTES, recognise, type Compression } from '../../archive/compression.ts';
import type { Descriptor, Digest } from '../../oci/image.ts';
import { writeError } from '../../state/json-file.ts';

/** A blob in staging. */
export interface StagedBlob {
  readonly path: string;
  readonly descriptor: Descriptor;
}

/** Writes `value` as JSON to `path`, synced; the blob it became. STORAGE_FULL, STORE_UNWRITABLE. */
export function stageJson(path: string, value: unknown, mediaType: string): StagedBlob {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  return stageBytes(path, bytes, { mediaType, digest, size: bytes.length });
}

/** Writes the bytes that `descriptor` describes to `path`, synced. STORAGE_FULL, STORE_UNWRITABLE. */
export function stageBytes(path: string, bytes: Buffer, descriptor: Descriptor): StagedBlob {
  try {
    writeFileSync(path, bytes, { mode: 0o600, flush: true });
  } catch (error) {
    throw writeError(path, error);
  }
  return { path, descriptor };
}

/** Copies a file, sharing its blocks where the file system can. STORAGE_FULL, STORE_UNWRITABLE. */
export function stageCopy(from: string, path: string): void {
  try {
    copyFileSync(from, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Writes a stream to a file. STORAGE_FULL, STORE_UNWRITABLE. */
export async function stageStream(from: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  try {
    await pipeline(from, createWriteStream(path, { mode: 0o600, flags: 'wx' }));
  } catch (error) {
    throw writeError(path, error);
  }
}

/** sha256 of a file's content. */
export function digestFile(path: string): Digest {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = openSync(path, constants.O_RDONLY);
  try {
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer))
      hash.update(buffer.subarray(0, count));
  } finally {
    closeSync(fd);
  }
  return `sha256:${hash.digest('hex')}` as Digest;
}

/** How a file is compressed. ARCHIVE_INVALID when it is empty or of a form that hutch cannot read. */
export function compressionOf(path: string): Compression {
  const buffer = Buffer.alloc(8);
  const fd = openSync(path, constants.O_RDONLY);
  try {
    return recognise(buffer.subarray(0, readSync(fd, buffer)));
  } finally {
    closeSync(fd);
  }
}

/** fsync(2) of a file, or of a directory for the names in it. */
export function syncPath(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
