/** Containers that somebody was at when it died; on the host's side. */
import { existsSync } from 'node:fs';
import { isHutchError } from '../../../errors/hutch-error.ts';
import { isAlive } from '../../../host/process-identity.ts';
import { claimName, nameOwner } from '../../../state/container-names.ts';
import { containerDirectory, listIds, readContainer, type ContainerRecord } from '../../../state/container-record.ts';
import { readState, type ContainerState } from '../../../state/container-state.ts';
import { listOrphans, ownerOf } from '../../../state/running-list.ts';
import type { Store } from '../../../state/store.ts';
import { isWhole, sweepOrphan } from '../../container/sweep-orphans.ts';
import type { Leftover } from './leftover.ts';

/** Containers and entries of the running list that need mending. Takes no lock; what somebody living looks after is none. */
export function findContainerLeftovers(store: Store): Leftover[] {
  const ids = new Set([...listIds(store), ...listOrphans(store)]);
  return [...ids].flatMap((id) => {
    const first = lookAt(store, id);
    // Whoever was at it may just have finished: only what stays is left over.
    return first === null || lookAt(store, id)?.text !== first.text ? [] : [first];
  });
}

function lookAt(store: Store, id: string): Leftover | null {
  if (ownerOf(store, id) === 'living') return null;
  const found = problemOf(store, id);
  return ownerOf(store, id) === 'living' ? null : found;
}

function problemOf(store: Store, id: string): Leftover | null {
  const mend = (): Promise<void> => sweepOrphan(store, id);
  const place = containerDirectory(store, id);
  const found = (text: string): Leftover => ({ kind: 'container', place, text, mend });
  try {
    const record = readContainer(store, id);
    const state = readState(store, id);
    if (record === undefined && existsSync(place))
      return found('the directory of a container that was never finished: it has no record');
    if (record === undefined) return ownerOf(store, id) === 'dead' ? { ...entry(store, id), mend } : null;
    if (state?.status === 'removing') return found(`container "${record.name}" was being removed`);
    if (!isWhole(store, record)) return found(`container "${record.name}" was being made`);
    const text = state === undefined ? null : deadMonitor(record, state);
    if (text !== null) return found(text);
    if (ownerOf(store, id) === 'dead') return { ...entry(store, id), mend };
    return nameless(store, id, record.name);
  } catch (error) {
    if (!isHutchError(error, 'RECORD_CORRUPT')) throw error;
    const hint = 'restore that file from a backup; or remove it, and --repair removes the rest of the container';
    return { kind: 'damage', place, text: error.message, mend: null, hint };
  }
}

/** Null when its monitor lives, or it needs none. */
function deadMonitor({ name, removeAtExit }: ContainerRecord, { monitor, status }: ContainerState): string | null {
  if (monitor === null || isAlive(monitor)) return null;
  return removeAtExit
    ? `container "${name}" should have gone with its end (--rm), but its monitor is dead`
    : `container "${name}" is ${status} on record, but its monitor is dead`;
}

function entry(store: Store, id: string): Omit<Leftover, 'mend'> {
  const text = 'it is on the list of containers that somebody looks after, but that process is dead';
  return { kind: 'running-entry', place: `${store.run}/running/${id}`, text };
}

/** Without its name nobody could call it by that, and another could take it. */
function nameless(store: Store, id: string, name: string): Leftover | null {
  const owner = nameOwner(store, name);
  if (owner === id) return null;
  const base = { kind: 'name', place: containerDirectory(store, id) } as const;
  if (owner === undefined) {
    const text = `the container is called "${name}", but that name is on record for nobody`;
    return { ...base, text, mend: () => claimName(store, name, id) };
  }
  const text = `the container is called "${name}", but another one has that name`;
  return { ...base, text, mend: null, hint: `hutch rename ${id.slice(0, 12)} ANOTHER-NAME` };
}
