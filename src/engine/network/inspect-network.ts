/** `hutch network inspect`: all that is known of a network, with docker's keys; reads the store. */
import { listContainers } from '../../state/container-record.ts';
import { currentState } from '../../state/container-state.ts';
import type { NetworkRecord } from '../../state/network-record.ts';
import { findNetwork } from '../../state/networks.ts';
import { locateStore, type Store } from '../../state/store.ts';

/** NETWORK_UNKNOWN. */
export function inspectNetwork(word: string): object {
  const store = locateStore();
  const record = findNetwork(store, word);
  const { id, name, createdAt, driver, ipv6, internal, labels } = record;
  return {
    Name: name,
    Id: id,
    Created: createdAt,
    Scope: 'local',
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: ipv6 !== undefined,
    IPAM: {
      Driver: 'default',
      Options: {},
      Config: rangesOf(record),
    },
    Internal: internal,
    Attachable: false,
    Ingress: false,
    ConfigOnly: false,
    Containers: Object.fromEntries(endpointsOn(store, record)),
    Options: {},
    Labels: labels,
  };
}

function rangesOf({ subnet, gateway, ipRange, ipv6 }: NetworkRecord): object[] {
  return [{ subnet, gateway, ipRange }, ...(ipv6 === undefined ? [] : [{ ipRange: undefined, ...ipv6 }])].map(
    (each) => ({
      Subnet: each.subnet,
      ...(each.ipRange === undefined ? {} : { IPRange: each.ipRange }),
      Gateway: each.gateway,
    }),
  );
}

/** Of containers that run. */
function endpointsOn(store: Store, { id }: NetworkRecord): [string, object][] {
  return listContainers(store).flatMap((container): [string, object][] => {
    const endpoint = currentState(store, container).endpoints?.find(({ networkId }) => networkId === id);
    if (endpoint === undefined) return [];
    const { mac, address, prefixLength, ipv6 } = endpoint;
    const shown = {
      Name: container.name,
      MacAddress: mac,
      IPv4Address: `${address}/${String(prefixLength)}`,
      IPv6Address: ipv6 === undefined ? '' : `${ipv6.address}/${String(ipv6.prefixLength)}`,
    };
    return [[container.id, shown]];
  });
}
