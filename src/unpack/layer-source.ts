/** The bytes of a layer: read, recognised, decompressed and digested in one pass with bounded memory; unpack program. */
import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { Writable } from 'node:stream';
import { CHUNK_BYTES, decompress, recognise } from '../archive/compression.ts';
import { freeChunk } from '../archive/free-chunk.ts';
import { refuseBomb } from '../archive/refuse-bomb.ts';
import type { UnpackedLayer, UnpackLimits } from '../images/layer/unpack-protocol.ts';

export interface LayerReading {
  readonly fd: number;
  readonly limits: Pick<UnpackLimits, 'ratio' | 'ratioFromBytes'>;
  /** The digest of what `fd` gives, where it is known already: it is not computed a second time then. */
  readonly digest?: string | null;
  /** Takes uncompressed bytes, which are only good during the call. */
  readonly take: (chunk: Buffer) => void;
  /** Told the number of bytes read from `fd` so far. */
  readonly onProgress: (sizeBytes: number) => void;
}

export type LayerDigests = Pick<UnpackedLayer, 'diffId' | 'digest' | 'sizeBytes' | 'archiveBytes' | 'compression'>;

/** Uncompressed bytes that may wait: while entries are made, decompression goes on in the thread pool. */
const QUEUE_BYTES = 8 * 1024 * 1024;

/** Reads the layer at `fd` to its end. ARCHIVE_INVALID when it cannot be decompressed, or grows beyond the limits. */
export async function readLayer(reading: LayerReading): Promise<LayerDigests> {
  const compressed = createTally(reading.digest ?? undefined);
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
    await decompress(compression, chunksOf(reading.fd, buffer, first, takeCompressed), queueInto(takePlain));
  }
  const digest = compressed.digest();
  return {
    digest,
    diffId: compression === 'none' ? digest : plain.digest(),
    sizeBytes: compressed.sizeBytes(),
    archiveBytes: compression === 'none' ? compressed.sizeBytes() : plain.sizeBytes(),
    compression,
  };
}

function readChunk(fd: number, buffer: Buffer): Buffer {
  return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, null));
}

/** Each chunk is overwritten by the next one. */
function* chunksOf(fd: number, buffer: Buffer, first: Buffer, take: (chunk: Buffer) => void): Generator<Buffer> {
  for (let chunk = first; chunk.length > 0; chunk = readChunk(fd, buffer)) {
    take(chunk);
    yield chunk;
  }
}

/** A queue that gives way to the event loop before each chunk, so that the decoder gets its next one started. */
function queueInto(take: (chunk: Buffer) => void): Writable {
  return new Writable({
    highWaterMark: QUEUE_BYTES,
    write(chunk: Buffer, _encoding, done) {
      setImmediate(() => {
        try {
          take(chunk);
          freeChunk(chunk);
          done();
        } catch (error) {
          done(error instanceof Error ? error : new Error(String(error)));
        }
      });
    },
  });
}

interface Tally {
  add(chunk: Buffer): void;
  sizeBytes(): number;
  digest(): string;
}

/** Counts and digests what is added; only counts where the digest is known. */
function createTally(known?: string): Tally {
  const hash: Hash | undefined = known === undefined ? createHash('sha256') : undefined;
  let sizeBytes = 0;
  return {
    add(chunk) {
      hash?.update(chunk);
      sizeBytes += chunk.length;
    },
    sizeBytes: () => sizeBytes,
    digest: () => known ?? `sha256:${hash?.digest('hex') ?? ''}`,
  };
}
