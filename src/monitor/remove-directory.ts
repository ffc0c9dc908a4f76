/** Removing what a container has left on disk; on the host's side, in the user namespace where ids of others own the files. */
import { chmodSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../errors/hutch-error.ts';
import { removeInUserns } from '../userns/run-in-userns.ts';

/** `work/usr/work/incompat/volatile`: the image `host` has one overlay for each top-level directory. */
const WORK_DEPTH = 3;

/** Removes a container's directory. The caller must have checked that it lies in a marked store. */
export async function removeContainerDirectory(directory: string): Promise<void> {
  try {
    openWorkDirectories(join(directory, 'work'));
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    await removeInUserns([directory]);
  }
}

/** The kernel leaves directories of mode 0 in overlay work directories, which even their owner cannot list. */
export function openWorkDirectories(path: string, depth = WORK_DEPTH): void {
  for (const name of directoriesIn(path)) {
    const child = join(path, name);
    if ((lstatSync(child).mode & 0o700) !== 0o700) chmodSync(child, 0o700);
    if (depth > 0) openWorkDirectories(child, depth - 1);
  }
}

function directoriesIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
