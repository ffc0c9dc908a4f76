/** Who looks after which container: one small file each in the run directory, made by exactly one process; on the host's side. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runningDirectory } from '../host/directories.ts';
import { isAlive, type ProcessIdentity } from '../host/process-identity.ts';
import { claim } from './claim.ts';
import { isContainerId } from './container-id.ts';
import { listNames, readJsonFile } from './json-file.ts';
import type { Store } from './store.ts';

function listDirectory(store: Store): string {
  return runningDirectory(store.run);
}

/**
 * Enters a container, before anything of it is made on disk, as one that `owner` looks after. False when another living process does; the
 * entry of a dead one is taken over.
 */
export async function enterRunning(store: Store, id: string, owner: ProcessIdentity): Promise<boolean> {
  const holder = await claim({
    path: join(listDirectory(store), id),
    content: JSON.stringify(owner),
    draft: join(store.run, `claim.${String(owner.pid)}`),
    isStale: (content) => !isAlive(JSON.parse(content) as ProcessIdentity),
  });
  return holder === null;
}

export function leaveRunning(store: Store, id: string): void {
  rmSync(join(listDirectory(store), id), { force: true });
}

/** Whether somebody looks after a container, or somebody who is dead did. */
export function ownerOf(store: Store, id: string): 'living' | 'dead' | 'nobody' {
  const owner = readJsonFile(join(listDirectory(store), id));
  return owner === undefined ? 'nobody' : isAliveEntry(owner) ? 'living' : 'dead';
}

/** Ids of containers whose monitor died without cleaning up. */
export function listOrphans(store: Store): string[] {
  return listNames(listDirectory(store))
    .filter(isContainerId)
    .filter((id) => !isAliveEntry(readJsonFile(join(listDirectory(store), id))));
}

/** A missing file is somebody who is just leaving. */
function isAliveEntry(value: unknown): boolean {
  return value === undefined || isAlive(value as ProcessIdentity);
}
