/** The containers whose monitor may be alive: one small file each in the run directory; on the host's side. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../errors/hutch-error.ts';
import { isAlive, type ProcessIdentity } from '../host/process-identity.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import type { Store } from './store.ts';

function listDirectory(store: Store): string {
  return join(store.run, 'running');
}

/** Enters a container before anything of it is made on disk. */
export function enterRunning(store: Store, id: string, monitor: ProcessIdentity): void {
  const directory = listDirectory(store);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeJsonFile(join(directory, id), monitor, { durable: false });
}

export function leaveRunning(store: Store, id: string): void {
  rmSync(join(listDirectory(store), id), { force: true });
}

/** Ids of containers whose monitor died without cleaning up. */
export function listOrphans(store: Store): string[] {
  try {
    return readdirSync(listDirectory(store))
      .filter((id) => /^[0-9a-f]{64}$/u.test(id))
      .filter((id) => !isAliveEntry(readJsonFile(join(listDirectory(store), id))));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** A missing file is somebody who is just leaving. */
function isAliveEntry(value: unknown): boolean {
  return value === undefined || isAlive(value as ProcessIdentity);
}
