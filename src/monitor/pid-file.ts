/** `--pidfile`: the pid of a payload in a file of the user's; in the monitor. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';

/**
 * Whoever looks finds the old file, or none, or the whole of the new one. A link that is there is replaced, not followed: the container may
 * be able to write to the directory. USAGE_INVALID when it cannot be written.
 */
export function writePidFile(path: string, pid: number): void {
  const draft = `${path}.${String(process.pid)}`;
  try {
    rmSync(draft, { force: true });
    writeFileSync(draft, `${String(pid)}\n`, { flag: 'wx' });
    renameSync(draft, path);
  } catch (cause) {
    throw new HutchError(`cannot write --pidfile ${path}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'USAGE_INVALID',
      hint: 'see that its directory is there and yours to write to, then start the container again',
      cause,
    });
  }
}
