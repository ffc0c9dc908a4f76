/** Downloading one blob to a file: goes on where it broke off, and believes nothing but the digest; on the host's side. */
import { createHash } from 'node:crypto';
import { closeSync, constants, createReadStream, fstatSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { freeChunk } from '../../archive/free-chunk.ts';
import type { Descriptor } from '../../oci/image.ts';
import { writeError } from '../../state/json-file.ts';
import { blobOf, type Repository } from './client.ts';
import { contentMismatch, registryFailed } from './failures.ts';
import { bytesOf, drain, type HttpAnswer } from './http.ts';
import { withRetries } from './retry.ts';

export interface BlobDownload {
  readonly descriptor: Descriptor;
  /** The file, which may hold the beginning of the blob. Nobody else writes to it. */
  readonly path: string;
  /** Told how many bytes of the blob are there. */
  readonly onProgress: (sizeBytes: number) => void;
}

/** A connection must bring this much to count as one that works. */
const PROGRESS_BYTES = 256 << 10;

/**
 * Downloads a blob until the file has its size and digest. The file stays when the connection breaks for good, so that
 * another call goes on with it, and goes when its content is wrong.
 * CONTENT_MISMATCH, IMAGE_UNKNOWN, REGISTRY_DENIED, REGISTRY_FAILED, STORAGE_FULL, STORE_UNWRITABLE.
 */
export async function downloadBlob(repository: Repository, download: BlobDownload): Promise<void> {
  const { descriptor, path } = download;
  const fd = openFile(path);
  try {
    const part = createPart(fd, download);
    await part.readBack();
    const wasResumed = part.sizeBytes() > 0;
    await fetchRest(repository, download, part);
    if (!part.isWhole() && wasResumed) {
      // It may be the old beginning that is wrong.
      part.restart();
      await fetchRest(repository, download, part);
    }
    if (!part.isWhole()) throw contentMismatch(`blob ${descriptor.digest}`, 'its content has another digest');
  } catch (error) {
    if (isLost(error)) rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function isLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'CONTENT_MISMATCH';
}

function openFile(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw writeError(path, error);
  }
}

/** What is on disk of a blob so far, and its digest so far. */
interface Part {
  sizeBytes(): number;
  /** Takes over what the file holds. */
  readBack(): Promise<void>;
  add(chunk: Buffer): void;
  restart(): void;
  isWhole(): boolean;
}

function createPart(fd: number, { descriptor: { digest, size }, path, onProgress }: BlobDownload): Part {
  const [algorithm = '', hex] = digest.split(':');
  let hash = createHash(algorithm);
  let sizeBytes = 0;
  const add = (chunk: Buffer): void => {
    hash.update(chunk);
    sizeBytes += chunk.length;
    onProgress(sizeBytes);
  };
  const restart = (): void => {
    ftruncateSync(fd, 0);
    hash = createHash(algorithm);
    sizeBytes = 0;
  };
  return {
    sizeBytes: () => sizeBytes,
    async readBack() {
      const there = fstatSync(fd).size;
      if (there > size) restart();
      else if (there > 0) for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) add(chunk);
    },
    add(chunk) {
      if (sizeBytes + chunk.length > size)
        throw contentMismatch(`blob ${digest}`, `it is longer than ${String(size)} bytes`);
      writeAt(fd, chunk, sizeBytes, path);
      add(chunk);
    },
    restart,
    isWhole: () => sizeBytes === size && hash.copy().digest('hex') === hex,
  };
}

/** Synchronously: a body that comes faster than the disk takes it waits in the kernel, not in memory. */
function writeAt(fd: number, chunk: Buffer, position: number, path: string): void {
  try {
    for (let done = 0; done < chunk.length;) done += writeSync(fd, chunk, done, chunk.length - done, position + done);
  } catch (error) {
    throw writeError(path, error);
  }
}

function fetchRest(repository: Repository, download: BlobDownload, part: Part): Promise<void> {
  const { transport, signal } = repository;
  const { descriptor } = download;
  const attempt = async (): Promise<void> => {
    if (part.sizeBytes() === descriptor.size) return;
    const answer = await requestRest(repository, descriptor, part);
    for await (const chunk of bytesOf(answer, transport.limits)) {
      part.add(chunk);
      freeChunk(chunk);
    }
    if (part.sizeBytes() < descriptor.size)
      throw registryFailed(
        `blob ${descriptor.digest} ends after ${String(part.sizeBytes())} of ${String(descriptor.size)} bytes`,
        {
          isTransient: true,
        },
      );
  };
  return withRetries(transport.limits, signal, attempt, () => Math.floor(part.sizeBytes() / PROGRESS_BYTES));
}

/** Asks for what is missing. The part starts anew when the registry cannot send just that. */
async function requestRest(repository: Repository, { digest, size }: Descriptor, part: Part): Promise<HttpAnswer> {
  const from = part.sizeBytes();
  const headers: Record<string, string> = from === 0 ? {} : { Range: `bytes=${String(from)}-` };
  const answer = await repository.send({ method: 'GET', path: blobOf(digest), headers, accepts: [200, 206, 416] });
  if (answer.status === 200) {
    if (from > 0) part.restart();
    return answer;
  }
  if (answer.status === 206 && isRest(answer.headers['content-range'], from, size)) return answer;
  part.restart();
  await drain(answer, repository.transport.limits);
  throw registryFailed(`${repository.source.domain} cannot go on with blob ${digest} at byte ${String(from)}`, {
    isTransient: true,
  });
}

/** True when a Content-Range is what was asked for. Source: RFC 9110 section 14.4. */
function isRest(header: string | undefined, from: number, size: number): boolean {
  const [, first, , total] = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+|\*)$/u.exec(header ?? '') ?? [];
  return first !== undefined && Number(first) === from && (total === '*' || Number(total) === size);
}
