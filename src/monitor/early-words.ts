/** Reading what init says without the machinery that hears it later; in the CLI and in the monitor. */
import { readSync } from 'node:fs';
import { parseStatusLine, type StatusLine } from '../protocol/messages.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

/** More than init says at once. */
const MESSAGES_BYTES = 65_536;

/**
 * Yields what comes from descriptor `fd`, the lines of each read together, and waits up to `timeoutMs` for each; ends when nothing comes, or it is at
 * its end.
 */
export function* wordsFrom(fd: number, syscalls: Syscalls, timeoutMs: number): Generator<StatusLine[], void> {
  while (syscalls.pollReadable([fd], timeoutMs)[0] === true) {
    const lines = readWords(fd);
    if (lines === undefined) return;
    yield lines;
  }
}

/** Reads what init has said; undefined at the end. Each message is one write(2), so there are no halves. */
export function readWords(fd: number): StatusLine[] | undefined {
  const buffer = Buffer.allocUnsafe(MESSAGES_BYTES);
  const count = readSync(fd, buffer);
  if (count === 0) return undefined;
  const lines = buffer.toString('utf8', 0, count).split('\n');
  return lines.filter((line) => line !== '').map(parseStatusLine);
}
