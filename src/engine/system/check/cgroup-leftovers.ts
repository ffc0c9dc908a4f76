/** Cgroups of containers whose monitor is dead; on the host's side. */
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findSubtrees, subtreeAt, type FoundSubtree } from '../../../drivers/cgroup/find-subtrees.ts';
import { cgroupDriver } from '../../../drivers/cgroup/select.ts';
import { isOwnCgroup, isPopulated, removeTree } from '../../../drivers/cgroup/subtree.ts';
import { identifyProcess } from '../../../host/process-identity.ts';
import { listIds } from '../../../state/container-record.ts';
import { readState } from '../../../state/container-state.ts';
import { enterRunning, leaveRunning, ownerOf } from '../../../state/running-list.ts';
import type { Store } from '../../../state/store.ts';
import type { Leftover } from './leftover.ts';

/** One that is just being made has no process for a moment. */
const LOOK_AGAIN_MS = 100;

/**
 * Cgroups that nobody looks after. One with processes counts only if its container is of this store: another store's, by HUTCH_DATA, may well live.
 * `subtrees`: those to be looked at besides the ones on record.
 */
export async function findCgroupLeftovers(store: Store, subtrees = findSubtrees()): Promise<Leftover[]> {
  const first = lookAt(store, subtrees);
  if (first.length === 0) return [];
  await sleep(LOOK_AGAIN_MS);
  const now = new Set(lookAt(store, subtrees).map(({ place, text }) => `${place} ${text}`));
  return first.filter(({ place, text }) => now.has(`${place} ${text}`));
}

function lookAt(store: Store, subtrees: readonly FoundSubtree[]): Leftover[] {
  const ids = listIds(store);
  const all = new Map([...onRecord(store, ids), ...subtrees].map((one) => [one.directory, one]));
  return [...all.values()].flatMap((subtree) => {
    const id = ids.find((one) => one.startsWith(subtree.id));
    const text = problemOf(store, id, subtree);
    return text === null
      ? []
      : [{ kind: 'cgroup', place: subtree.directory, text, mend: () => mend(store, id, subtree) }];
  });
}

/** Those of `cgroupfs` are found by this alone, where hutch is called from elsewhere. */
function onRecord(store: Store, ids: readonly string[]): FoundSubtree[] {
  return ids.flatMap((id) => {
    const path = stateOf(store, id)?.path;
    const subtree = path === undefined ? null : subtreeAt(dirname(path));
    return subtree === null ? [] : [subtree];
  });
}

function stateOf(store: Store, id: string): { readonly path: string } | null {
  try {
    return readState(store, id)?.cgroup ?? null;
  } catch {
    // A damaged record is told elsewhere.
    return null;
  }
}

function problemOf(store: Store, id: string | undefined, { directory, record }: FoundSubtree): string | null {
  if (isOwnCgroup(record) || (id !== undefined && ownerOf(store, id) === 'living')) return null;
  if (subtreeAt(directory) === null) return null;
  if (!isPopulated(directory)) return 'the cgroup of a container that does not run';
  return id === undefined ? null : 'processes of a container whose monitor is dead are left in its cgroup';
}

/** With the container's entry in the running list, so that nobody starts it meanwhile; without a container only what has no process goes. */
async function mend(store: Store, id: string | undefined, { directory, record }: FoundSubtree): Promise<void> {
  const own = identifyProcess(process.pid);
  if (id !== undefined) {
    if (own === undefined || !(await enterRunning(store, id, own))) return;
    await cgroupDriver(record.driver).remove(record);
  }
  removeTree(directory);
  if (id !== undefined) leaveRunning(store, id);
}
