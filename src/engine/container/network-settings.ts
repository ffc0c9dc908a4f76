/** The part `NetworkSettings` of `hutch inspect`, with docker's keys; reads the store. */
import { isRelayed } from '../../drivers/network/slirp-limits.ts';
import type { Endpoint } from '../../oci/endpoint.ts';
import type { PublishedPort } from '../../oci/published-port.ts';
import { isPrivate, joinedContainer, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import type { ContainerRecord } from '../../state/container-record.ts';
import type { ContainerState } from '../../state/container-state.ts';
import type { NetworkAttachment } from '../../state/network-record.ts';
import { peekNetwork } from '../../state/networks.ts';
import type { Store } from '../../state/store.ts';
import { leadingPorts } from './leading-ports.ts';
import { portBindings } from './inspect-host-config.ts';
import { networkOf } from './read-spec.ts';

export interface Inspected {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly spec: RuntimeSpec | undefined;
  readonly state: ContainerState;
}

/** What slirp4netns gives every container. Source: slirp4netns(1). */
const OF_SLIRP = { address: '10.0.2.100', prefixLength: 24, gateway: '10.0.2.2', mac: '', aliases: [] };

/** Of a container that does not run, or whose network has no address of its own. */
const UNKNOWN = { address: '', prefixLength: 0, gateway: '', mac: '', aliases: [] };

/** `SourceAddressPreserved`: the container sees who connects, but for the host itself, at each of its ports. Addresses are those of a container that runs. */
export function networkSettings({ store, record, spec, state }: Inspected): object {
  const { init } = state;
  const hasOwn = spec !== undefined && isPrivate(spec, 'network');
  const networks =
    record.networks === undefined ? otherNetwork(spec, state) : userNetworks(store, record.networks, state);
  return {
    SandboxKey: hasOwn && init !== null ? `/proc/${String(init.pid)}/ns/net` : '',
    Ports: init === null ? {} : portBindings(leadingPorts(record, state)),
    ...(record.ports === undefined ? {} : { SourceAddressPreserved: seesClients(record.ports, spec) }),
    ...ofFirst(Object.values(networks)[0] ?? {}),
    Networks: networks,
  };
}

/** Where hutch listens itself before slirp4netns, all clients look like the host. */
function seesClients(ports: readonly PublishedPort[], spec: RuntimeSpec | undefined): boolean {
  return (spec !== undefined && networkOf(spec) === 'pasta') || !ports.some(isRelayed);
}

/** Docker and podman say the first network's at the top too. */
function ofFirst(first: Partial<ReturnType<typeof shown>>): object {
  const { IPAddress = '', IPPrefixLen = 0, Gateway = '', MacAddress = '' } = first;
  const { GlobalIPv6Address = '', GlobalIPv6PrefixLen = 0, IPv6Gateway = '' } = first;
  return { IPAddress, IPPrefixLen, Gateway, MacAddress, GlobalIPv6Address, GlobalIPv6PrefixLen, IPv6Gateway };
}

function otherNetwork(spec: RuntimeSpec | undefined, { init }: ContainerState): Record<string, object> {
  if (spec === undefined || joinedContainer(spec) !== undefined) return {};
  const name = networkOf(spec);
  return { [name]: shown(name === 'slirp4netns' && init !== null ? OF_SLIRP : UNKNOWN) };
}

function userNetworks(
  store: Store,
  attachments: readonly NetworkAttachment[],
  { endpoints }: ContainerState,
): Record<string, object> {
  return Object.fromEntries(
    attachments.map(({ network, aliases, ip, ip6 }) => {
      const endpoint = endpoints?.find((one) => one.network === network);
      const known = endpoint ?? { ...UNKNOWN, aliases };
      const given = {
        ...(ip === undefined ? {} : { IPv4Address: ip }),
        ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
      };
      const fixed = Object.keys(given).length === 0 ? null : given;
      const id = endpoint?.networkId ?? peekNetwork(store, network)?.id ?? '';
      return [network, { IPAMConfig: fixed, NetworkID: id, Interface: endpoint?.device ?? '', ...shown(known) }];
    }),
  );
}

function shown({
  address,
  prefixLength,
  gateway,
  mac,
  aliases,
  ipv6,
}: Omit<Endpoint, 'network' | 'networkId' | 'device'>) {
  return {
    Aliases: aliases,
    MacAddress: mac,
    IPAddress: address,
    IPPrefixLen: prefixLength,
    Gateway: gateway,
    IPv6Gateway: ipv6?.gateway ?? '',
    GlobalIPv6Address: ipv6?.address ?? '',
    GlobalIPv6PrefixLen: ipv6?.prefixLength ?? 0,
  };
}
