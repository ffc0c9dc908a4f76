/** Events of a container that somebody looks after, who has read its record long ago; in its monitor. */
import { readContainer, type ContainerRecord } from '../state/container-record.ts';
import { noteEvent, type ContainerAction } from '../state/events.ts';
import type { Store } from '../state/store.ts';

/** As noteEvent(), by the name that the container has by now. */
export function noteLife(
  store: Store,
  action: ContainerAction,
  record: ContainerRecord,
  attributes: Readonly<Record<string, string>> = {},
): void {
  noteEvent(store, action, recordNow(store, record), attributes);
}

/** The record of a container as it is by now, or else as it was. */
export function recordNow(store: Store, record: ContainerRecord): ContainerRecord {
  try {
    return readContainer(store, record.id) ?? record;
  } catch {
    // An event under an old name is better than a monitor that ends.
    return record;
  }
}
