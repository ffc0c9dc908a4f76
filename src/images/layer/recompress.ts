/** A layer's archive in another compression: the same content, another blob; on the host's side. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { PassThrough, Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { CHUNK_BYTES, decompress, type Compression } from '../../archive/compression.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import type { Digest } from '../../oci/image.ts';
import { writeError } from '../../state/json-file.ts';

export const COMPRESSED_FORMS = ['gzip', 'zstd'] as const;
export type CompressedForm = (typeof COMPRESSED_FORMS)[number];

/** Levels that each form knows. Source: zlib.h, zstd(1). */
export const LEVELS: Readonly<Record<CompressedForm, { readonly least: number; readonly most: number }>> = {
  gzip: { least: 1, most: 9 },
  zstd: { least: 1, most: 22 },
};

export interface Recompression {
  /** The archive as it is, and how it is compressed. */
  readonly path: string;
  readonly compression: Compression;
  readonly wanted: CompressedForm;
  /** The form's own usual one when not given. */
  readonly level?: number | undefined;
  /** The file to write, which does not exist yet. */
  readonly target: string;
  readonly signal: AbortSignal;
}

/** Writes the archive anew; digest and size (bytes) of what was written. ARCHIVE_INVALID, STORAGE_FULL, STORE_UNWRITABLE. */
export async function recompress(work: Recompression): Promise<{ readonly digest: Digest; readonly size: number }> {
  const { compression, target, signal } = work;
  const content = createReadStream(work.path, { highWaterMark: CHUNK_BYTES });
  const plain = compression === 'none' ? content : plainOf(content, compression);
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  try {
    await pipeline(plain, compressor(work), measure, createWriteStream(target, { flags: 'wx', mode: 0o600 }), {
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof HutchError ? error : writeError(target, error);
  }
  return { digest: `sha256:${hash.digest('hex')}` as Digest, size };
}

function plainOf(content: Readable, compression: 'gzip' | 'zstd'): Readable {
  const plain = new PassThrough({ highWaterMark: 4 * CHUNK_BYTES });
  decompress(compression, content as AsyncIterable<Buffer>, plain).catch((error: unknown) =>
    plain.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return plain;
}

function compressor({ wanted, level }: Recompression): Transform {
  if (wanted === 'gzip') return createGzip({ chunkSize: CHUNK_BYTES, ...(level === undefined ? {} : { level }) });
  const params = level === undefined ? {} : { [constants.ZSTD_c_compressionLevel]: level };
  return createZstdCompress({ chunkSize: CHUNK_BYTES, params });
}
