/** Which IPv6 address a container gets on a network that has such; pure. */
import { HutchError } from '../errors/hutch-error.ts';
import { addressText6, isForHosts6, isWithin6, lastOf6, parseAddress6, parseSubnet6 } from '../linux/ipv6.ts';
import type { Endpoint } from '../oci/endpoint.ts';
import type { HubNetwork } from '../protocol/hub.ts';

/** The address asked for, or the lowest free one; undefined on a network without IPv6. ADDRESS_UNAVAILABLE as chooseAddress(). */
export function chooseAddress6(
  { name, ipv6 }: HubNetwork,
  asked: string | undefined,
  isTaken: (address: string) => boolean,
): Endpoint['ipv6'] {
  const subnet = ipv6 === undefined ? undefined : parseSubnet6(ipv6.subnet);
  if (ipv6 === undefined || subnet === undefined) {
    if (asked === undefined) return undefined;
    throw unavailable(name, `it has no IPv6, and ${asked} was asked for`, 'leave it out');
  }
  const found = { prefixLength: subnet.prefixLength, gateway: ipv6.gateway };
  if (asked !== undefined) {
    const address = parseAddress6(asked);
    if (address === undefined || !isWithin6(address, subnet))
      throw unavailable(name, `${asked} is no address of it`, `give one within ${ipv6.subnet}`);
    if (!isForHosts6(address, subnet, ipv6.gateway))
      throw unavailable(name, `${asked} is not for containers`, 'give another');
    if (isTaken(asked))
      throw unavailable(name, `another container has ${asked}`, 'end that one first, give another address, or none');
    return { address: asked, ...found };
  }
  const range = (ipv6.ipRange === undefined ? undefined : parseSubnet6(ipv6.ipRange)) ?? subnet;
  for (let address = range.first; address <= lastOf6(range); address += 1n) {
    const text = addressText6(address);
    if (isForHosts6(address, subnet, ipv6.gateway) && !isTaken(text)) return { address: text, ...found };
  }
  throw unavailable(
    name,
    'all its IPv6 addresses are taken',
    'end a container that is on it, or make a larger network',
  );
}

function unavailable(network: string, reason: string, hint: string): HutchError {
  return new HutchError(`no IPv6 address on network "${network}": ${reason}`, {
    code: 'ADDRESS_UNAVAILABLE',
    hint,
    context: { network },
  });
}
