/** What the monitor does to a chain, or to an init that was forked off, whoever started it; on the host's side. */
import { writeSync } from 'node:fs';
import { errnoOf } from '../errors/hutch-error.ts';

/**
 * Ends a chain by its process group: an unshare(1) that is killed, by us or anybody, just when it has its maps written leaves the child that
 * writes them behind, which would wait for ever and keep the channel open. Before setsid(1) has made the group there is only the one process.
 */
export function killQuietly(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It has ended by itself, or is no group yet.
    }
  }
}

/** Writes all of it; to a process that has ended, nothing. */
export function writeAll(fd: number, bytes: Buffer): void {
  try {
    let offset = 0;
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
  } catch (error) {
    // The chain has died: what it said about that is on its way.
    if (errnoOf(error) !== 'EPIPE') throw error;
  }
}
