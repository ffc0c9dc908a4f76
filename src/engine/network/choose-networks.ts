/** The user networks of a new container: found on disk, and what is asked of them checked; reads the store. */
import { requireIPv6 } from '../../host/ipv6.ts';
import { isForHosts, parseAddress, parseSubnet } from '../../linux/ipv4.ts';
import { isForHosts6, parseAddress6, parseSubnet6 } from '../../linux/ipv6.ts';
import type { NetworkAttachment, NetworkRecord } from '../../state/network-record.ts';
import { findNetwork, readNetwork } from '../../state/networks.ts';
import type { Store } from '../../state/store.ts';
import { badValue } from '../container/parse-values.ts';
import type { RunRequest } from '../container/run-request.ts';
import { draftDefaultNetwork, makeDefaultNetwork } from './create-network.ts';
import { DEFAULT_NETWORK } from './parse-networks.ts';

export interface ChosenNetworks {
  readonly attachments: readonly NetworkAttachment[];
  /** Of the first: where the default route leads, and names are asked. */
  readonly gateway: string;
  /** The names of those that have IPv6. */
  readonly withIPv6: readonly string[];
  /** None of them leads outside. */
  readonly areInternal: boolean;
}

/** The networks of these wishes. The one that `--net bridge` means is made, or only counts as there. NETWORK_UNKNOWN, USAGE_INVALID. */
export async function chooseNetworks(
  store: Store,
  asked: readonly NetworkAttachment[],
  { dns, makesDefault }: Pick<RunRequest, 'dns'> & { readonly makesDefault: boolean },
): Promise<ChosenNetworks> {
  if (makesDefault && asked.some(({ network }) => network === DEFAULT_NETWORK)) await makeDefaultNetwork(store);
  const records = asked.map(({ network }) => recordOf(store, network));
  const withIPv6 = records.filter(({ ipv6 }) => ipv6 !== undefined).map(({ name }) => name);
  if (withIPv6[0] !== undefined) requireIPv6(`network "${withIPv6[0]}"`);
  const wrong = withIPv6.length === 0 ? dns.find((address) => address.includes(':')) : undefined;
  if (wrong !== undefined) throw badValue('--dns', wrong, 'an IPv4 address: none of its networks has IPv6');
  return {
    attachments: asked.map((one, index) => checked(one, records[index])),
    gateway: records[0]?.gateway ?? '',
    withIPv6,
    areInternal: records.every(({ internal }) => internal),
  };
}

function recordOf(store: Store, word: string): NetworkRecord {
  if (word === DEFAULT_NETWORK) return readNetwork(store, word) ?? draftDefaultNetwork(store);
  return findNetwork(store, word);
}

/** The attachment under the network's name, whatever the user called it. USAGE_INVALID where the address is none of its containers'. */
export function checked(wanted: NetworkAttachment, record: NetworkRecord | undefined): NetworkAttachment {
  if (record === undefined) return wanted;
  const { ip } = wanted;
  if (ip !== undefined && !isForContainers(record, ip))
    throw badValue(
      '--ip',
      ip,
      `an address of ${record.subnet}, which network "${record.name}" has, but not its first, its last or the gateway’s`,
    );
  refuseForeign6(wanted.ip6, record);
  return { ...wanted, network: record.name };
}

function isForContainers({ subnet: text, gateway }: NetworkRecord, ip: string): boolean {
  const [subnet, address] = [parseSubnet(text), parseAddress(ip)];
  return subnet !== undefined && address !== undefined && isForHosts(address, subnet, gateway);
}

function refuseForeign6(ip6: string | undefined, { name, ipv6 }: NetworkRecord): void {
  if (ip6 === undefined) return;
  if (ipv6 === undefined)
    throw badValue('--ip6', ip6, `none: network "${name}" has IPv4 alone (hutch network create --ipv6 makes others)`);
  const [subnet, address] = [parseSubnet6(ipv6.subnet), parseAddress6(ip6)];
  if (subnet !== undefined && address !== undefined && isForHosts6(address, subnet, ipv6.gateway)) return;
  throw badValue(
    '--ip6',
    ip6,
    `an address of ${ipv6.subnet}, which network "${name}" has, but not its first nor the gateway’s`,
  );
}
