/** `hutch network rm` and `prune`; on the host's side. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import type { ContainerRecord } from '../../state/container-record.ts';
import { noteNetworkEvent } from '../../state/network-events.ts';
import type { NetworkRecord } from '../../state/network-record.ts';
import { containersOn, findNetwork, listNetworks, removeNetwork, type NamedNetwork } from '../../state/networks.ts';
import type { Store } from '../../state/store.ts';
import { openOwnStore } from '../container/open-own-store.ts';
import { removeContainer } from '../container/remove-container.ts';
import { parsePruneFilter } from '../prune-filter.ts';

/**
 * Removes a network, one with a damaged record by its name. NETWORK_UNKNOWN; NETWORK_IN_USE names the containers on it, unless `force`, which ends and
 * removes those first.
 */
export async function removeUserNetwork(word: string, { force }: { readonly force: boolean }): Promise<void> {
  const { store } = await openOwnStore();
  const record = findOrName(store, word);
  if (force) for (const { id } of containersOn(store, record)) await removeIfThere(id);
  await remove(store, record);
}

function findOrName(store: Store, word: string): NamedNetwork & Partial<Pick<NetworkRecord, 'labels'>> {
  try {
    return findNetwork(store, word);
  } catch (error) {
    if (!isHutchError(error, 'RECORD_CORRUPT')) throw error;
    return { name: word, id: null };
  }
}

async function removeIfThere(id: string): Promise<void> {
  try {
    await removeContainer(id, { force: true });
  } catch (error) {
    if (!isHutchError(error, 'CONTAINER_UNKNOWN')) throw error;
  }
}

async function remove(store: Store, record: NamedNetwork & Partial<Pick<NetworkRecord, 'labels'>>): Promise<boolean> {
  const isRemoved = await removeNetwork(store, record, () => {
    const users = containersOn(store, record);
    if (users.length > 0) throw inUse(record, users);
  });
  const { id, name, labels = {} } = record;
  if (isRemoved) noteNetworkEvent(store, 'remove', { id: id ?? '', name, labels });
  return isRemoved;
}

/** Removes all networks that no container is on and that fit `filters`; returns their names. USAGE_INVALID. */
export async function pruneNetworks(filters: readonly string[] = []): Promise<string[]> {
  const wanted = filters.map(parsePruneFilter);
  const { store } = await openOwnStore();
  const removed: string[] = [];
  for (const record of listNetworks(store).networks) {
    const { createdAt: created, labels } = record;
    if (!wanted.every((fits) => fits({ created, labels }))) continue;
    if (await removeUnused(store, record)) removed.push(record.name);
  }
  return removed;
}

async function removeUnused(store: Store, record: NetworkRecord): Promise<boolean> {
  try {
    return await remove(store, record);
  } catch (error) {
    if (isHutchError(error, 'NETWORK_IN_USE')) return false;
    throw error;
  }
}

function inUse({ name }: NamedNetwork, users: readonly ContainerRecord[]): HutchError {
  return new HutchError(`network "${name}" is in use by: ${users.map((user) => user.name).join(', ')}`, {
    code: 'NETWORK_IN_USE',
    hint: `take them off it (hutch network disconnect ${name} NAME), or give -f, which removes these containers`,
    context: { network: name, container: users[0]?.name ?? null },
  });
}
