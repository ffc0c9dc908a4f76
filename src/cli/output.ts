/**
 * Writing to stdout and stderr of the CLI process, synchronously: what was written is there when the process
 * exits, and node's stream classes (some milliseconds of start time) are never built.
 */

import { fstatSync, writeSync } from 'node:fs';
import { errnoOf } from '../errors/hutch-error.ts';

const STDOUT = 1;
const STDERR = 2;
const RETRY_MS = 2;

/** Thrown by writeOut() when nobody reads stdout any more (`hutch images | head -1`); the CLI then exits quietly. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** Writes all of `text` to stdout. Throws ReaderGone when the other end of the pipe is closed. */
export function writeOut(text: string): void {
  writeAll(STDOUT, text);
}

/** Writes all of `text` to stderr; a closed stderr is no reason to fail. */
export function writeErr(text: string): void {
  try {
    writeAll(STDERR, text);
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  }
}

/** Writes bytes to one of our two streams, under the same rules. */
export function writeBytes(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
  let rest = bytes;
  const fd = stream === 'stdout' ? STDOUT : STDERR;
  while (rest.length > 0) rest = rest.subarray(writeSome(fd, rest));
}

/** True when stdout and stderr lead to one place (`2>&1`, a terminal). */
export function isOneOutput(): boolean {
  try {
    const [out, error] = [fstatSync(STDOUT), fstatSync(STDERR)];
    return out.dev === error.dev && out.ino === error.ino;
  } catch {
    // One of them is closed.
    return false;
  }
}

/** Writes `text` to the open file `fd` to its last byte, waiting where the descriptor is non-blocking and full. */
export function writeAll(fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text, 'utf8');
  while (rest.length > 0) rest = rest.subarray(writeSome(fd, rest));
}

function writeSome(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    // write(2): EAGAIN comes when another process made the shared open file description non-blocking.
    if (errnoOf(error) === 'EAGAIN') return pause();
    if (errnoOf(error) === 'EPIPE') throw new ReaderGone('nobody reads this output', { cause: error });
    throw error;
  }
}

function pause(): number {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
  return 0;
}
