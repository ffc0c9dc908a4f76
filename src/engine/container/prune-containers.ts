/** `hutch container prune`: removes containers that do not run; in the CLI process. */
import { isHutchError } from '../../errors/hutch-error.ts';
import { containerDirectory, listContainers, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy, type ContainerStatus } from '../../state/container-state.ts';
import { measureTrees } from '../../userns/measure-trees.ts';
import { parsePruneFilter } from '../prune-filter.ts';
import { openOwnStore } from './open-own-store.ts';
import { removeContainer } from './remove-container.ts';

export interface PrunedContainers {
  /** Ids of those that are gone. */
  readonly removed: readonly string[];
  /** What the disk has back. */
  readonly freedBytes: number;
}

const PRUNED: readonly ContainerStatus[] = ['created', 'exited'];

/**
 * Removes every container that has ended or was never started and that fits all of `filters` (`until=24h`, `label=KEY[=VALUE]`,
 * `label!=…`). One that somebody starts meanwhile stays. USAGE_INVALID.
 */
export async function pruneContainers(filters: readonly string[] = []): Promise<PrunedContainers> {
  const wanted = filters.map(parsePruneFilter);
  const { store } = await openOwnStore();
  const chosen = listContainers(store).filter((record) => {
    const state = currentState(store, record);
    return (
      PRUNED.includes(state.status) &&
      !isBusy(state) &&
      wanted.every((fits) => fits({ created: record.createdAt, labels: record.labels }))
    );
  });
  const sizes = await measureTrees(chosen.map(({ id }) => containerDirectory(store, id)));
  const removed: string[] = [];
  for (const record of chosen) if (await remove(record)) removed.push(record.id);
  return {
    removed,
    freedBytes: removed.reduce((sum, id) => sum + (sizes.get(containerDirectory(store, id)) ?? 0), 0),
  };
}

/** False when it was started, or removed by somebody else, since it was looked at. */
async function remove({ id }: ContainerRecord): Promise<boolean> {
  try {
    await removeContainer(id, { force: false });
    return true;
  } catch (error) {
    if (isHutchError(error, 'CONTAINER_RUNNING', 'CONTAINER_UNKNOWN')) return false;
    throw error;
  }
}
