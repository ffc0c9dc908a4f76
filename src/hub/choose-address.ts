/** Which address a container gets on a network; pure. */
import { HutchError } from '../errors/hutch-error.ts';
import { addressText, isForHosts, isWithin, lastOf, parseAddress, parseSubnet, type Subnet } from '../linux/ipv4.ts';
import type { HubNetwork } from '../protocol/hub.ts';

/** The address asked for, or the lowest free one. ADDRESS_UNAVAILABLE when it cannot be had, or none is left. */
export function chooseAddress(
  network: HubNetwork,
  asked: string | undefined,
  isTaken: (address: string) => boolean,
): string {
  const subnet = subnetOf(network.subnet);
  return asked === undefined ? lowestFree(network, subnet, isTaken) : checked(network, subnet, asked, isTaken);
}

/** The address of hardware that goes with an address: locally administered, and the same each time. */
export function macOf(address: string): string {
  const bytes = Buffer.from(address.split('.').map(Number)).toString('hex');
  return ['02', '42', ...(bytes.match(/../gu) ?? [])].join(':');
}

export function subnetOf(text: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === undefined) throw new RangeError(`not a subnet: ${text}`);
  return subnet;
}

function checked(network: HubNetwork, subnet: Subnet, asked: string, isTaken: (address: string) => boolean): string {
  const address = parseAddress(asked);
  if (address === undefined || !isWithin(address, subnet))
    throw unavailable(network, `${asked} is no address of it`, `give one within ${network.subnet}`);
  if (!isForHosts(address, subnet, network.gateway))
    throw unavailable(network, `${asked} is not for containers`, 'give another');
  if (isTaken(asked))
    throw unavailable(network, `another container has ${asked}`, 'end that one first, give another address, or none');
  return asked;
}

function lowestFree(network: HubNetwork, subnet: Subnet, isTaken: (address: string) => boolean): string {
  const range = network.ipRange === undefined ? subnet : subnetOf(network.ipRange);
  for (let address = range.first; address <= lastOf(range); address += 1) {
    const text = addressText(address);
    if (isForHosts(address, subnet, network.gateway) && !isTaken(text)) return text;
  }
  throw unavailable(network, 'all its addresses are taken', 'end a container that is on it, or make a larger network');
}

function unavailable({ name, subnet }: HubNetwork, reason: string, hint: string): HutchError {
  return new HutchError(`no address on network "${name}" (${subnet}): ${reason}`, {
    code: 'ADDRESS_UNAVAILABLE',
    hint,
    context: { network: name },
  });
}
