/** `hutch ps`: the containers and what they are now; reads the host, changes nothing. */
import {
  listContainers as listRecords,
  statusOf,
  type ContainerRecord,
  type ContainerStatus,
} from '../../state/container-record.ts';
import { locateStore } from '../../state/store.ts';

export interface ListedContainer {
  readonly record: ContainerRecord;
  readonly status: ContainerStatus;
}

/** Running containers, or with `all` every container; newest first. */
export function listContainers(options: { readonly all: boolean }): ListedContainer[] {
  return listRecords(locateStore())
    .map((record) => ({ record, status: statusOf(record) }))
    .filter(({ status }) => options.all || status === 'running');
}
