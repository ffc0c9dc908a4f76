/** Clearing up after monitors that were killed; called at the start of every run, on the host's side. */
import { existsSync } from 'node:fs';
import {
  containerDirectory,
  readContainer,
  releaseName,
  releaseNamesOf,
  writeContainer,
} from '../../state/container-record.ts';
import { leaveRunning, listOrphans } from '../../state/running-list.ts';
import { requireMarked, type Store } from '../../state/store.ts';
import { removeContainerDirectory } from './remove-directory.ts';

/** Exit code on record for a container that went down with its monitor. */
const KILLED = 137;

/** Removes --rm containers and half-made ones whose monitor is dead; records the end of the others. */
export async function sweepOrphans(store: Store): Promise<void> {
  for (const id of listOrphans(store)) {
    try {
      await sweep(store, id);
    } catch {
      // Another hutch sweeps the same one, or it cannot be removed: it stays on the list, and must not stop this run.
      continue;
    }
    leaveRunning(store, id);
  }
}

async function sweep(store: Store, id: string): Promise<void> {
  const record = readContainer(store, id);
  if (record === undefined || record.removeAtExit) await removeOrphan(store, id, record?.name);
  else if (record.exit === null)
    writeContainer(store, { ...record, exit: { code: KILLED, finishedAt: new Date().toISOString() } });
}

async function removeOrphan(store: Store, id: string, name: string | undefined): Promise<void> {
  const directory = containerDirectory(store, id);
  if (existsSync(directory)) {
    requireMarked(store.root);
    await removeContainerDirectory(directory);
  }
  if (name === undefined) releaseNamesOf(store, id);
  else releaseName(store, name, id);
}
