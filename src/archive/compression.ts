/** How archives are compressed: recognised by their first bytes, and decompressed with bounded memory; in any process. */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress, type ZlibReset, type ZstdDecompress } from 'node:zlib';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { invalidArchive } from './failure.ts';
import { createFrameSplitter } from './zstd-frames.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

type Chunks = Iterable<Buffer> | AsyncIterable<Buffer>;

/** Larger chunks than node's own 16 KiB: fewer trips to the thread pool. */
export const CHUNK_BYTES = 256 * 1024;

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

/**
 * Decompresses `chunks` into `sink` to the end, with backpressure; each chunk is used up when the next one is asked for.
 * ARCHIVE_INVALID when the stream is damaged or cut short.
 */
export async function decompress(compression: 'gzip' | 'zstd', chunks: Chunks, sink: Writable): Promise<void> {
  const options = { chunkSize: CHUNK_BYTES };
  try {
    if (compression === 'gzip') {
      const decoder = createGunzip(options);
      await Promise.all([pipeline(decoder, sink), feed(decoder, chunks)]);
    } else {
      const decoder = createZstdDecompress(options) as ZstdDecompress & ZlibReset;
      await Promise.all([pipeline(decoder, sink), feedFrames(decoder, chunks)]);
    }
  } catch (cause) {
    throw decompressionFailure(compression, cause);
  }
}

async function feed(decoder: Writable, chunks: Chunks): Promise<void> {
  for await (const chunk of chunks) await writeTo(decoder, chunk);
  decoder.end();
}

/** Feeds the decoder frame by frame: it has to be told where the next one begins. */
async function feedFrames(decoder: ZstdDecompress & ZlibReset, chunks: Chunks): Promise<void> {
  const splitter = createFrameSplitter();
  let isFirst = true;
  for await (const chunk of chunks) {
    for (const { bytes, isFrameStart } of splitter.split(chunk)) {
      if (isFrameStart && !isFirst) decoder.reset();
      isFirst = false;
      await writeTo(decoder, bytes);
    }
  }
  decoder.end();
}

/** Done when `bytes` are used up. */
function writeTo(decoder: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    decoder.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function decompressionFailure(compression: Compression, cause: unknown): unknown {
  const code = errnoOf(cause);
  if (cause instanceof HutchError || code === undefined || !/^(Z_|ZSTD_)/u.test(code)) return cause;
  const reason =
    code === 'Z_BUF_ERROR' || (cause as Error).message.includes('unexpected end') ? 'is cut short' : 'is damaged';
  return invalidArchive(`${reason}: its ${compression} stream cannot be decompressed (${code})`);
}
