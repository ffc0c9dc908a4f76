/** Ending what is left of a container's connections through a network helper that has died; in the monitor and the hub, on the host's side. */
import type { NetworkDriver } from '../drivers/network/driver.ts';
import { isHutchError } from '../errors/hutch-error.ts';
import { readAddresses } from '../host/device-addresses.ts';
import { runInNetwork } from '../host/network-queues.ts';
import type { Endpoint } from '../oci/endpoint.ts';

/** Addresses of the container's, and where connections from them do not go by the helper, if there is such: CIDR notation, or an address alone. */
export interface Side {
  readonly address: string;
  readonly near?: string;
}

/**
 * Where addresses of a helper's device lie that are made up anew with each device: none of the old ones is left, not even for the container itself. Source: the
 * network of slirp4netns(1) by IPv6, RFC 4862.
 */
const GONE: readonly Side[] = [{ address: 'fd00::/64' }, { address: 'fe80::/10' }];

/** Pure: those of a container on networks of its user, where the way out ends connections, and what is on the same network does not. */
export function sidesOf(endpoints: readonly Endpoint[]): Side[] {
  return endpoints
    .flatMap(({ address, prefixLength, ipv6 }) => [{ address, prefixLength }, ...(ipv6 === undefined ? [] : [ipv6])])
    .map(({ address, prefixLength }) => ({ address, near: `${address}/${String(prefixLength)}` }));
}

/**
 * Those of a container whose way out is a helper of its own, which is there again. Of slirp4netns it has one IPv4 address each time, of pasta those of the host.
 */
export async function sidesThrough(driver: Pick<NetworkDriver, 'address' | 'device'>, pid: number): Promise<Side[]> {
  const { address, device } = driver;
  const own = address === null && device !== null ? await readAddresses(pid, device).catch(toolsMissing) : [address];
  return [...own.filter((each) => each !== null).map((each) => ({ address: each, near: each })), ...GONE];
}

/**
 * Ends each TCP connection of the network namespace of host process `pid` that went through the helper, with ECONNABORTED for who holds one. The next
 * helper knows nothing of them, and counts its sequence numbers from the beginning again: to a socket in TIME_WAIT a new connection by the same port
 * of the client looks like an old packet, is answered with an ACK and must wait for six seconds. Where the kernel or ss(8) cannot, it stays so.
 * Source: ss(8) -K, CONFIG_INET_DIAG_DESTROY.
 */
export async function endConnections(pid: number, sides: readonly Side[]): Promise<void> {
  if (sides.length === 0) return;
  try {
    await runInNetwork(pid, [
      'ss',
      '--kill',
      '--tcp',
      '--numeric',
      '--no-header',
      'state',
      'synchronized',
      filterOf(sides),
    ]);
  } catch (error) {
    toolsMissing(error);
  }
}

/** Then there is nothing to be had. */
function toolsMissing(error: unknown): never[] {
  if (isHutchError(error, 'HOST_TOOL_MISSING', 'HOST_TOOL_FAILED')) return [];
  throw error;
}

/** Pure: those connections in the words of ss(8). Connections among containers, and of one with itself, are none of them. */
export function filterOf(sides: readonly Side[]): string {
  const own = sides.map(({ address }) => `src ${bracketed(address)}`).join(' or ');
  const near = sides.flatMap((side) => (side.near === undefined ? [] : [`not dst ${bracketed(side.near)}`]));
  return [`( ${own} )`, ...near].join(' and ');
}

/** What follows the last colon would be a port. */
function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
