/** `hutch ps`: the containers and what they are now; reads the host, changes nothing. */
import { listContainers as listRecords, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, type ContainerState } from '../../state/container-state.ts';
import { locateStore } from '../../state/store.ts';

export { healthText } from '../../state/health.ts';

export interface ListedContainer {
  readonly record: ContainerRecord;
  readonly state: ContainerState;
}

/** What `ps` shows without --all. */
const SHOWN = ['running', 'paused', 'restarting'];

/** Running containers, or with `all` every container; newest first. */
export function listContainers(options: { readonly all: boolean }): ListedContainer[] {
  const store = locateStore();
  return listRecords(store)
    .map((record) => ({ record, state: currentState(store, record) }))
    .filter(({ state }) => options.all || SHOWN.includes(state.status));
}
