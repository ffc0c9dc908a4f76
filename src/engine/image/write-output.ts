/** An archive to stdout, or to a file that appears only when it is whole; in the CLI process. */
import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { syncPath } from '../../images/store/blob-file.ts';
import { halfFileFor, sweepHalfFiles } from './half-file.ts';

type Bytes = AsyncIterable<Uint8Array> | NodeJS.ReadableStream;

/** USAGE_INVALID when the archive would go to a terminal. `output` is a path; null for stdout. */
export function refuseTerminal(output: string | null): void {
  if (output !== null || !process.stdout.isTTY) return;
  throw new HutchError('an archive is not written to a terminal', {
    code: 'USAGE_INVALID',
    hint: 'give a file with --output, or redirect stdout',
  });
}

/** For what nobody stops. */
export const NEVER = new AbortController().signal;

type Write = (send: (bytes: Bytes) => Promise<void>) => Promise<void>;

/**
 * Runs `write`, which sends the bytes through the function it is given; `signal` ends that, and its reason is thrown. STORE_UNWRITABLE,
 * STORAGE_FULL; after any error there is no file of the name that was not there before. What a killed process has left there goes first.
 */
export async function writeOutput(output: string | null, signal: AbortSignal, write: Write): Promise<void> {
  if (output === null) await write((bytes) => toStdout(bytes, signal));
  else await toFile(output, signal, write);
}

async function toStdout(bytes: Bytes, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(bytes, process.stdout, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (errnoOf(error) !== 'EPIPE') throw error;
    throw new HutchError('the reader of the archive went away before its end', {
      code: 'STORE_UNWRITABLE',
      cause: error,
    });
  }
}

async function toFile(output: string, signal: AbortSignal, write: Write): Promise<void> {
  const half = halfFileFor(output);
  try {
    if (isSpecial(output)) {
      await write((bytes) => pipeline(bytes, createWriteStream(output), { signal }));
      return;
    }
    sweepHalfFiles(output);
    await write((bytes) => pipeline(bytes, createWriteStream(half, { flags: 'wx', mode: 0o644 }), { signal }));
    syncPath(half);
    renameSync(half, output);
  } catch (error) {
    rmSync(half, { force: true });
    signal.throwIfAborted();
    if (errnoOf(error) === undefined || error instanceof HutchError) throw error;
    throw unwritable(output, error);
  }
}

/** True for a device or pipe, which cannot be replaced by a file: `-o /dev/null`. */
function isSpecial(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/** Writes a digest to a file, without a line feed as podman does. STORE_UNWRITABLE, STORAGE_FULL. */
export async function writeDigest(path: string, digest: string): Promise<void> {
  await toFile(path, NEVER, (send) => send(Readable.from([Buffer.from(digest)])));
}

function unwritable(output: string, cause: unknown): HutchError {
  const errno = errnoOf(cause) ?? String(cause);
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
  return new HutchError(`cannot write ${output}: ${errno}`, {
    code: isFull ? 'STORAGE_FULL' : 'STORE_UNWRITABLE',
    hint: isFull ? 'free some space there, or write to another file system' : 'name a path that you can write',
    cause,
    context: { path: output, errno },
  });
}
