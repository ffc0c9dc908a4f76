/** `hutch ps`: the containers and what they are now; reads the host, changes nothing and takes no lock. */
import { isHutchError } from '../../errors/hutch-error.ts';
import { listIds, readContainer } from '../../state/container-record.ts';
import { currentState, type ContainerStatus } from '../../state/container-state.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { parseContainerFilter, type Candidate } from './container-filters.ts';
import { networkOf, readSpec, volumesOf } from './read-spec.ts';

export interface ListedContainer extends Candidate {
  /** Names of the networks and paths of the volumes; read when they are asked for. */
  readonly networks: () => readonly string[];
  readonly volumes: () => readonly string[];
}

export interface ListQuery {
  readonly all: boolean;
  /** As many of the newest, whatever they do; null for no limit. */
  readonly last: number | null;
  readonly filters: readonly string[];
}

export interface ContainerList {
  /** Newest first. */
  readonly containers: readonly ListedContainer[];
  /** Why a container is left out, in words: its record is damaged. */
  readonly damage: readonly string[];
}

export { healthText } from '../../state/health.ts';

/** What `ps` shows without --all. */
const SHOWN: readonly ContainerStatus[] = ['running', 'paused', 'restarting'];

/** Running containers, or those that are asked for. USAGE_INVALID and CONTAINER_UNKNOWN for a filter. */
export function listContainers({ all, last, filters }: ListQuery): ContainerList {
  const store = locateStore();
  const { fits, namesStatus } = parseContainerFilter(store, filters);
  const isShown = (status: ContainerStatus): boolean => all || last !== null || namesStatus || SHOWN.includes(status);
  const damage: string[] = [];
  const containers = listIds(store)
    .flatMap((id) => readOne(store, id, isShown, damage))
    .filter(fits)
    .sort((a, b) => (a.record.createdAt < b.record.createdAt ? 1 : -1))
    .slice(0, last ?? undefined);
  return { containers, damage };
}

/** The state comes first: it alone tells whether the record is worth reading. */
function readOne(
  store: Store,
  id: string,
  isShown: (status: ContainerStatus) => boolean,
  damage: string[],
): ListedContainer[] {
  try {
    const state = currentState(store, { id });
    if (!isShown(state.status)) return [];
    const record = readContainer(store, id);
    if (record === undefined) return [];
    const spec = () => readSpec(store, id);
    return [
      {
        record,
        state,
        networks: () =>
          record.networks?.map(({ network }) => network) ??
          [spec()].flatMap((known) => (known === undefined ? [] : [networkOf(known)])),
        volumes: () =>
          [spec()].flatMap((known) => (known === undefined ? [] : volumesOf(store, known).map(({ source }) => source))),
      },
    ];
  } catch (error) {
    if (!isHutchError(error, 'RECORD_CORRUPT')) throw error;
    damage.push(error.message);
    return [];
  }
}
