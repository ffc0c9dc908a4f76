/** What has happened to networks, in the log of events; on the host's side. */
import type { Endpoint } from '../oci/endpoint.ts';
import { appendEvent, type ContainerEvent } from './events.ts';
import type { NetworkRecord } from './network-record.ts';
import { peekNetwork } from './networks.ts';
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
  /** `type`: the driver; `container`: the id of the one that was connected or disconnected; `reason`: why, where nobody saw it happen. */
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
    attributes: { ...attributes, type: 'bridge' },
  };
  appendEvent(store, event);
}

/** Notes that the container with this id has got, or has no longer, an endpoint on a network, whatever has become of that one's record. */
export function noteEndpoint(
  store: Store,
  action: 'connect' | 'disconnect',
  { network: name, networkId: id }: Pick<Endpoint, 'network' | 'networkId'>,
  attributes: { readonly container: string; readonly reason?: string },
): void {
  noteNetworkEvent(store, action, { id, name, labels: labelsOf(store, name, id) }, attributes);
}

function labelsOf(store: Store, name: string, id: string): Readonly<Record<string, string>> {
  const record = peekNetwork(store, name);
  return record?.id === id ? record.labels : {};
}
