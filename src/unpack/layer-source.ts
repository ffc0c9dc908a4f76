/** The bytes of a layer: read, recognised, decompressed and digested in one pass with bounded memory; unpack program. */
import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress, type ZlibReset, type ZstdDecompress } from 'node:zlib';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import type { Compression, UnpackedLayer, UnpackLimits } from '../images/layer/unpack-protocol.ts';
import { invalidArchive } from './failure.ts';
import { createFrameSplitter } from './zstd-frames.ts';

export interface LayerReading {
  readonly fd: number;
  readonly limits: Pick<UnpackLimits, 'ratio' | 'ratioFromBytes'>;
  /** Takes uncompressed bytes, which are only good during the call. */
  readonly take: (chunk: Buffer) => void;
  /** Told the number of bytes read from `fd` so far. */
  readonly onProgress: (sizeBytes: number) => void;
}

export type LayerDigests = Pick<UnpackedLayer, 'diffId' | 'digest' | 'sizeBytes' | 'compression'>;

/** Larger chunks than node's own 16 KiB: fewer trips to the thread pool. */
const CHUNK_BYTES = 256 * 1024;
/** Uncompressed bytes that may wait: while entries are made, decompression goes on in the thread pool. */
const QUEUE_BYTES = 8 * 1024 * 1024;

/** Reads the layer at `fd` to its end. ARCHIVE_INVALID when it cannot be decompressed, or grows beyond the limits. */
export async function readLayer(reading: LayerReading): Promise<LayerDigests> {
  const compressed = createTally();
  const plain = createTally();
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const first = readChunk(reading.fd, buffer);
  const compression = recognise(first);
  const takeCompressed = (chunk: Buffer): void => {
    compressed.add(chunk);
    reading.onProgress(compressed.sizeBytes());
  };
  const takePlain = (chunk: Buffer): void => {
    plain.add(chunk);
    refuseBomb(plain.sizeBytes(), compressed.sizeBytes(), reading.limits);
    reading.take(chunk);
  };
  if (compression === 'none') {
    // Nothing to overlap with, and no copy is needed: the chunk is used up when the next one is read over it.
    for (let chunk = first; chunk.length > 0; chunk = readChunk(reading.fd, buffer)) {
      takeCompressed(chunk);
      reading.take(chunk);
    }
  } else {
    await decompress(compression, chunksOf(reading.fd, first, takeCompressed), takePlain);
  }
  const digest = compressed.digest();
  return {
    digest,
    diffId: compression === 'none' ? digest : plain.digest(),
    sizeBytes: compressed.sizeBytes(),
    compression,
  };
}

function readChunk(fd: number, buffer: Buffer): Buffer {
  return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, null));
}

function* chunksOf(fd: number, first: Buffer, take: (chunk: Buffer) => void): Generator<Buffer> {
  for (let chunk = first; chunk.length > 0; chunk = readChunk(fd, Buffer.allocUnsafe(CHUNK_BYTES))) {
    take(chunk);
    yield chunk;
  }
}

async function decompress(
  compression: 'gzip' | 'zstd',
  chunks: Iterable<Buffer>,
  take: (chunk: Buffer) => void,
): Promise<void> {
  const options = { chunkSize: CHUNK_BYTES };
  try {
    if (compression === 'gzip') {
      await pipeline(
        Readable.from(chunks, { objectMode: true, highWaterMark: 1 }),
        createGunzip(options),
        queueInto(take),
      );
    } else {
      const decoder = createZstdDecompress(options) as ZstdDecompress & ZlibReset;
      await Promise.all([pipeline(decoder, queueInto(take)), feedFrames(decoder, chunks)]);
    }
  } catch (cause) {
    throw decompressionFailure(compression, cause);
  }
}

/** Feeds the decoder frame by frame: it has to be told where the next one begins. */
async function feedFrames(decoder: ZstdDecompress & ZlibReset, chunks: Iterable<Buffer>): Promise<void> {
  const splitter = createFrameSplitter();
  let isFirst = true;
  for (const chunk of chunks) {
    for (const { bytes, isFrameStart } of splitter.split(chunk)) {
      if (isFrameStart && !isFirst) decoder.reset();
      isFirst = false;
      await new Promise<void>((resolve, reject) => {
        decoder.write(bytes, (error) => (error ? reject(error) : resolve()));
      });
    }
  }
  decoder.end();
}

/** A queue that gives way to the event loop before each chunk, so that the decoder gets its next one started. */
function queueInto(take: (chunk: Buffer) => void): Writable {
  return new Writable({
    highWaterMark: QUEUE_BYTES,
    write(chunk: Buffer, _encoding, done) {
      setImmediate(() => {
        try {
          take(chunk);
          done();
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)));
        }
      });
    },
  });
}

function decompressionFailure(compression: Compression, cause: unknown): unknown {
  const code = errnoOf(cause);
  if (cause instanceof HutchError || code === undefined || !/^(Z_|ZSTD_)/u.test(code)) return cause;
  const reason =
    code === 'Z_BUF_ERROR' || (cause as Error).message.includes('unexpected end') ? 'is cut short' : 'is damaged';
  return invalidArchive(`${reason}: its ${compression} stream cannot be decompressed (${code})`);
}

function refuseBomb(plainBytes: number, compressedBytes: number, limits: LayerReading['limits']): void {
  if (plainBytes < limits.ratioFromBytes || plainBytes < compressedBytes * limits.ratio) return;
  throw invalidArchive(
    `grows to more than ${String(limits.ratio)} times its size when decompressed`,
    undefined,
    'do not trust where it came from; import it uncompressed if it really is so large',
  );
}

/** The first bytes of each form, in hexadecimal. */
const MAGIC: readonly (readonly [pattern: RegExp, format: Compression | 'xz' | 'bzip2'])[] = [
  [/^1f8b/u, 'gzip'],
  // A zstd frame, or a skippable one, with which chunked archives may begin.
  [/^(28b52ffd|5[0-9a-f]2a4d18)/u, 'zstd'],
  [/^fd377a585a00/u, 'xz'],
  [/^425a683[1-9]/u, 'bzip2'],
];

/** How the archive that begins with `first` is compressed. ARCHIVE_INVALID when it is empty or of a form that hutch cannot read. */
export function recognise(first: Buffer): Compression {
  if (first.length === 0)
    throw invalidArchive('is empty', undefined, 'give a root file system as .tar, .tar.gz or .tar.zst');
  const start = first.toString('hex', 0, 8);
  const format = MAGIC.find(([pattern]) => pattern.test(start))?.[1] ?? 'none';
  if (format === 'xz' || format === 'bzip2') {
    throw invalidArchive(
      `is compressed with ${format}, which hutch does not read`,
      undefined,
      `decompress it first (${format} -d)`,
    );
  }
  return format;
}

interface Tally {
  add(chunk: Buffer): void;
  sizeBytes(): number;
  digest(): string;
}

function createTally(): Tally {
  const hash: Hash = createHash('sha256');
  let sizeBytes = 0;
  return {
    add(chunk) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    },
    sizeBytes: () => sizeBytes,
    digest: () => `sha256:${hash.digest('hex')}`,
  };
}
