/** What has to be done on disk before a container starts once more; by its monitor. */
import { chownSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { workDirectory } from '../drivers/rootfs/container-paths.ts';
import type { Plan } from '../plan/step.ts';
import { containerDirectory } from '../state/container-record.ts';
import { writeError } from '../state/json-file.ts';
import type { Store } from '../state/store.ts';
import { removeContainerDirectory, openWorkDirectories } from './remove-directory.ts';

/**
 * The kernel marks the work directory of a volatile overlay, and refuses it afterwards; what is in it is of no use to anybody. All else
 * stays as the container has left it. Source: Documentation/filesystems/overlayfs.rst.
 */
export async function prepareAgain(store: Store, id: string, plan: Plan): Promise<void> {
  const work = workDirectory(containerDirectory(store, id));
  if (!existsSync(work)) return;
  openWorkDirectories(work);
  await removeContainerDirectory(work);
  // Root's containers belong to another uid.
  const { uid, gid } = statSync(containerDirectory(store, id));
  for (const path of plan.prepare.directories.filter((directory) => isIn(directory, work))) {
    try {
      mkdirSync(path, { recursive: true, mode: 0o755 });
      if (uid !== process.getuid?.()) chownSync(path, uid, gid);
    } catch (error) {
      throw writeError(path, error);
    }
  }
}

function isIn(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
