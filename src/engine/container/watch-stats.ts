/** `hutch stats`: looking at containers again and again; in the CLI process. */
import { findContainer, readContainer } from '../../state/container-record.ts';
import { currentState } from '../../state/container-state.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { measureContainer, sinceBefore, type ContainerStats } from './container-stats.ts';
import { listContainers } from './list-containers.ts';

export interface StatsQuery {
  /** Names or ids; empty for all that run. */
  readonly words: readonly string[];
  /** Those that do not run, too. */
  readonly all: boolean;
  readonly intervalMs: number;
  /** Two looks, of which only the second is handed over: shares need the time between. */
  readonly isOnce: boolean;
  readonly signal: AbortSignal;
}

/**
 * Hands over what the containers use, at once and then at each interval, until `signal`, or until all that were named are removed.
 * Containers that come and go are followed. CONTAINER_UNKNOWN for a word that is nobody's.
 */
export async function* watchStats(query: StatsQuery): AsyncGenerator<readonly ContainerStats[], void> {
  const store = locateStore();
  const ids = query.words.map((word) => findContainer(store, word).id);
  let before = new Map<string, ContainerStats>();
  for (let look = 0; ; look += 1) {
    const stats = await lookOnce(store, query, ids, before);
    if (query.signal.aborted || (ids.length > 0 && stats.length === 0)) return;
    if (!query.isOnce || look > 0) yield stats;
    if (query.isOnce && look > 0) return;
    before = new Map(stats.map((each) => [each.id, each]));
    if (!(await pause(query))) return;
  }
}

async function lookOnce(
  store: Store,
  query: StatsQuery,
  ids: readonly string[],
  before: ReadonlyMap<string, ContainerStats>,
): Promise<ContainerStats[]> {
  const containers =
    ids.length > 0 ? named(store, ids) : listContainers({ all: query.all, last: null, filters: [] }).containers;
  const stats = await Promise.all(containers.map((container) => measureContainer(store, container)));
  return stats.map((each) => sinceBefore(each, before.get(each.id)));
}

/** Those of the named that are still there. */
function named(store: Store, ids: readonly string[]) {
  return ids.flatMap((id) => {
    const record = readContainer(store, id);
    return record === undefined ? [] : [{ record, state: currentState(store, record) }];
  });
}

/** False when the signal came first. */
function pause({ intervalMs, signal }: StatsQuery): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve(true);
    }, intervalMs);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
