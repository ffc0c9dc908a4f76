/** What has happened to networks, in the log of events; on the host's side. */
import { appendEvent, type ContainerEvent } from './events.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Store } from './store.ts';

export type NetworkAction = 'create' | 'remove' | 'connect' | 'disconnect';

export interface NetworkEvent {
  /** RFC 3339. */
  readonly time: string;
  readonly type: 'network';
  readonly action: NetworkAction;
  readonly id: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `container`: the id of the one that was connected or disconnected. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Whatever the log holds. */
export type StoredEvent = ContainerEvent | NetworkEvent;

/** Notes an event of a network, as noteEvent() does one of a container. */
export function noteNetworkEvent(
  store: Store,
  action: NetworkAction,
  { id, name, labels }: Pick<NetworkRecord, 'id' | 'name' | 'labels'>,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const event: NetworkEvent = {
    time: new Date().toISOString(),
    type: 'network',
    action,
    id,
    name,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    attributes,
  };
  appendEvent(store, event);
}
