/** Removing a container with all that belongs to it; by its monitor, or by whoever has entered it in the running list. */
import { existsSync, rmSync } from 'node:fs';
import { cgroupDriver } from '../drivers/cgroup/select.ts';
import { isOwnCgroup } from '../drivers/cgroup/subtree.ts';
import { containerDirectory, readContainer, type ContainerRecord } from '../state/container-record.ts';
import { newState, readState, writeState } from '../state/container-state.ts';
import { releaseName, releaseNamesOf } from '../state/container-names.ts';
import { noteEvent } from '../state/events.ts';
import { isHutchError } from '../errors/hutch-error.ts';
import { leaveRunning } from '../state/running-list.ts';
import { requireMarked, type Store } from '../state/store.ts';
import { controlPath } from './control-path.ts';
import { removeContainerDirectory } from './remove-directory.ts';

/**
 * Removes it. Killed half-way, it is on the running list still, and the next run goes on with it. `reason` is why it never ran: nothing but the
 * event is left to say so.
 */
export async function dropContainer(store: Store, record: ContainerRecord, reason?: string): Promise<void> {
  requireMarked(store.root);
  await removeCgroup(store, record.id);
  markRemoving(store, record.id);
  // With a name that it was given meanwhile; who renames it from now on sees the mark.
  const now = readContainer(store, record.id) ?? record;
  releaseName(store, now.name, record.id);
  await removeContainerDirectory(containerDirectory(store, record.id));
  noteEvent(store, 'remove', now, reason === undefined ? {} : { reason });
  forgetMonitor(store, record.id);
}

/** What a monitor that was killed has left running, or where systemd does not clear away; nothing as a rule. */
async function removeCgroup(store: Store, id: string): Promise<void> {
  const left = readState(store, id)?.cgroup;
  if (left === undefined || left === null || isOwnCgroup(left)) return;
  await cgroupDriver(left.driver).remove(left);
}

/** As dropContainer, for one that has no record (yet). */
export async function dropNameless(store: Store, id: string): Promise<void> {
  releaseNamesOf(store, id);
  const directory = containerDirectory(store, id);
  if (existsSync(directory)) {
    requireMarked(store.root);
    await removeContainerDirectory(directory);
  }
  forgetMonitor(store, id);
}

/** What a monitor, dead by now or this process, has in the run directory. The entry in the list goes last: it is what others find. */
export function forgetMonitor(store: Store, id: string): void {
  rmSync(controlPath(store, id), { force: true });
  leaveRunning(store, id);
}

/** On a full disk it is removed without the mark: that is what makes room. */
function markRemoving(store: Store, id: string): void {
  if (!existsSync(containerDirectory(store, id))) return;
  try {
    writeState(store, id, { ...newState(null), status: 'removing' });
  } catch (error) {
    if (!isHutchError(error, 'STORAGE_FULL')) throw error;
  }
}
