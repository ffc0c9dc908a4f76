/** The user networks of a new container: found on disk, and what is asked of them checked; reads the store. */
import { isForHosts, parseAddress, parseSubnet } from '../../linux/ipv4.ts';
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
}

/** The networks of these wishes. The one that `--net bridge` means is made, or only counts as there. NETWORK_UNKNOWN, USAGE_INVALID. */
export async function chooseNetworks(
  store: Store,
  asked: readonly NetworkAttachment[],
  { dns, makesDefault }: Pick<RunRequest, 'dns'> & { readonly makesDefault: boolean },
): Promise<ChosenNetworks> {
  if (makesDefault && asked.some(({ network }) => network === DEFAULT_NETWORK)) await makeDefaultNetwork(store);
  const records = asked.map(({ network }) => recordOf(store, network));
  const wrong = dns.find((address) => address.includes(':'));
  if (wrong !== undefined) throw badValue('--dns', wrong, 'an IPv4 address: networks of hutch have no IPv6');
  return {
    attachments: asked.map((one, index) => checked(one, records[index])),
    gateway: records[0]?.gateway ?? '',
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
  return { ...wanted, network: record.name };
}

function isForContainers({ subnet: text, gateway }: NetworkRecord, ip: string): boolean {
  const [subnet, address] = [parseSubnet(text), parseAddress(ip)];
  return subnet !== undefined && address !== undefined && isForHosts(address, subnet, gateway);
}
