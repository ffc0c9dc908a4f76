/** Removing what a container has left on disk; on the host's side, in the user namespace where ids of others own the files. */
import { chmodSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors/hutch-error.ts';
import { removeInUserns } from '../../userns/run-in-userns.ts';

/** Removes a container's directory. The caller must have checked that it lies in a marked store. */
export async function removeContainerDirectory(directory: string): Promise<void> {
  try {
    openWorkDirectories(join(directory, 'work'), 3);
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    await removeInUserns([directory]);
  }
}

/** The kernel leaves overlay work directories with mode 0, which even their owner cannot list. */
function openWorkDirectories(path: string, depth: number): void {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return;
    throw error;
  }
  for (const name of names) {
    if (name === 'work') chmodSync(join(path, name), 0o700);
    else if (depth > 0) openWorkDirectories(join(path, name), depth - 1);
  }
}
