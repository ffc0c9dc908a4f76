/** `hutch network create`, and the network that `--net bridge` means; on the host's side. */
import { HutchError } from '../../errors/hutch-error.ts';
import { hostSubnets, hostSubnets6 } from '../../host/host-subnets.ts';
import { requireIPv6 } from '../../host/ipv6.ts';
import { isContainerName } from '../../state/container-names.ts';
import { noteNetworkEvent } from '../../state/network-events.ts';
import type { NetworkRecord } from '../../state/network-record.ts';
import { addNetwork, readNetwork, requireNetworks, RESERVED_NETWORK_NAMES } from '../../state/networks.ts';
import type { Store } from '../../state/store.ts';
import { buildLabels } from '../container/build-labels.ts';
import { newContainerId } from '../container/new-id.ts';
import { openOwnStore } from '../container/open-own-store.ts';
import { badValue } from '../container/parse-values.ts';
import { chooseSubnet, type SubnetRequest } from './choose-subnet.ts';
import { chooseSubnet6, type Subnet6Request } from './choose-subnet6.ts';
import { divideRanges } from './divide-ranges.ts';
import { DEFAULT_NETWORK } from './parse-networks.ts';

export interface NetworkRequest {
  readonly name: string;
  /** One of IPv4, one of IPv6, or both. */
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
  readonly ipRanges: readonly string[];
  readonly driver?: string | undefined;
  readonly internal: boolean;
  /** It is to have IPv6, too: a subnet of it says the same. */
  readonly ipv6: boolean;
  readonly labels: readonly string[];
  /** A network that is there already is no error. */
  readonly ignore: boolean;
}

/** Makes a network and returns it. NAME_IN_USE, SUBNET_UNAVAILABLE, RECORD_CORRUPT, USAGE_INVALID for what hutch's networks have not. */
export async function createNetwork(request: NetworkRequest): Promise<NetworkRecord> {
  checkNetworkName(request.name);
  refuseUnknown(request);
  const { v4, v6 } = divideRanges(request);
  if (v6 !== undefined) requireIPv6(`network "${request.name}"`);
  const labels = buildLabels({ labels: request.labels, labelFiles: [] }, {});
  const { store } = await openOwnStore();
  const made = await addNetwork(store, request.name, (others) => newRecord({ ...request, v4, v6 }, labels, others));
  if (made !== undefined) {
    noteNetworkEvent(store, 'create', made);
    return made;
  }
  const present = readNetwork(store, request.name);
  if (request.ignore && present !== undefined) return present;
  throw new HutchError(`there is a network "${request.name}" already`, {
    code: 'NAME_IN_USE',
    hint: `choose another name, or remove it: hutch network rm ${request.name}`,
    context: { name: request.name },
  });
}

/** The network that `--net bridge` means, made if it is not there. */
export async function makeDefaultNetwork(store: Store): Promise<void> {
  if (readNetwork(store, DEFAULT_NETWORK) !== undefined) return;
  const made = await addNetwork(store, DEFAULT_NETWORK, (others) => draftDefault(others));
  if (made !== undefined) noteNetworkEvent(store, 'create', made);
}

/** What it would be, for plans; keeps nothing. */
export function draftDefaultNetwork(store: Store): NetworkRecord {
  return draftDefault(requireNetworks(store));
}

function draftDefault(others: readonly NetworkRecord[]): NetworkRecord {
  return newRecord({ name: DEFAULT_NETWORK, internal: false, v4: {}, v6: undefined }, {}, others);
}

interface RecordParts extends Pick<NetworkRequest, 'name' | 'internal'> {
  readonly v4: SubnetRequest;
  readonly v6: Subnet6Request | undefined;
}

function newRecord(
  { name, internal, v4, v6 }: RecordParts,
  labels: Readonly<Record<string, string>>,
  others: readonly NetworkRecord[],
): NetworkRecord {
  return {
    id: newContainerId(),
    name,
    createdAt: new Date().toISOString(),
    driver: 'bridge',
    ...chooseSubnet(v4, { networks: others, host: hostSubnets() }),
    ...(v6 === undefined ? {} : { ipv6: chooseSubnet6(v6, { networks: others, host: hostSubnets6() }) }),
    internal,
    labels,
  };
}

/** USAGE_INVALID unless it may be a network's name. */
function checkNetworkName(name: string): void {
  if (!isContainerName(name))
    throw new HutchError(`"${name}" cannot be a network's name`, {
      code: 'USAGE_INVALID',
      hint: 'use letters, digits, "_", "." and "-", at most 128, beginning with a letter or digit',
      context: { name },
    });
  if (RESERVED_NETWORK_NAMES.includes(name))
    throw new HutchError(`"${name}" cannot be a network's name: --net ${name} means something else`, {
      code: 'USAGE_INVALID',
      hint: 'choose another name',
      context: { name },
    });
}

function refuseUnknown({ driver }: NetworkRequest): void {
  if (driver !== undefined && driver !== 'bridge')
    throw badValue(
      '--driver',
      driver,
      'bridge: an ordinary user can make no other kind (macvlan, ipvlan and overlay need devices of the host)',
    );
}
