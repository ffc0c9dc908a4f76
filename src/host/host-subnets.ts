/** Which addresses this host uses or has routes to; reads the host. */
import { networkInterfaces } from 'node:os';
import { parseSubnet, type Subnet } from '../linux/ipv4.ts';
import { parseAddress6, subnetAround6, type Subnet6 } from '../linux/ipv6.ts';
import { readText } from './probe/read-text.ts';

/** A VPN that takes everything lays two routes of this length beside the one to everywhere, so as to leave that alone. */
const HALF = 1;

/** IPv4: the subnets of all devices, and where routes lead but those to everywhere, whole or in halves. Source: proc_net(5). */
export function hostSubnets(routes = readText('/proc/net/route') ?? '', devices = networkInterfaces()): Subnet[] {
  const ofDevices = Object.values(devices)
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [containing(cidr)] : []));
  const lines = routes.split('\n').slice(1);
  return [...ofDevices, ...lines.map(routeSubnet)].filter((subnet) => subnet !== undefined);
}

/** The subnet of an address such as 192.168.1.7/24. */
function containing(cidr: string): Subnet | undefined {
  const [address = '', length = ''] = cidr.split('/');
  const only = parseSubnet(`${address}/32`);
  const size = 2 ** (32 - Number(length));
  return only === undefined ? undefined : { first: only.first - (only.first % size), prefixLength: Number(length) };
}

/** Columns 2 and 8: destination and mask, in the order of bytes of the processor. */
function routeSubnet(line: string): Subnet | undefined {
  const fields = line.trim().split(/\s+/u);
  const [first, mask] = [fromLittleEndian(fields[1]), fromLittleEndian(fields[7])];
  if (first === undefined || mask === undefined || mask === 0) return undefined;
  const prefixLength = 32 - Math.log2(2 ** 32 - mask);
  return prefixLength <= HALF ? undefined : { first, prefixLength };
}

function fromLittleEndian(text: string | undefined): number | undefined {
  return text !== undefined && /^[\dA-F]{8}$/u.test(text) ? Buffer.from(text, 'hex').readUInt32LE() : undefined;
}

const LEAST_PREFIX6 = 8;

/** IPv6: as hostSubnets(). Source: proc_net(5), net/ipv6/route.c for the columns: destination and its length come first, in hexadecimal. */
export function hostSubnets6(
  routes = readText('/proc/net/ipv6_route') ?? '',
  devices = networkInterfaces(),
): Subnet6[] {
  const ofDevices = Object.values(devices)
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ family, cidr }) => (family === 'IPv6' && cidr !== null ? [containing6(cidr)] : []));
  return [...ofDevices, ...routes.split('\n').map(routeSubnet6)].filter((subnet) => subnet !== undefined);
}

function containing6(cidr: string): Subnet6 | undefined {
  const [address = '', length = ''] = cidr.split('/');
  const number = parseAddress6(address);
  return number === undefined ? undefined : subnetAround6(number, Number(length));
}

/** Undefined for a route to everywhere, or to as much of it as a VPN lays beside that one: ::/1, ::/3, 2000::/4, all local ones (fc00::/7). */
function routeSubnet6(line: string): Subnet6 | undefined {
  const [, destination = '', length = ''] = /^([\da-f]{32}) ([\da-f]{2}) /u.exec(line) ?? [];
  const prefixLength = Number.parseInt(length, 16);
  return prefixLength >= LEAST_PREFIX6 ? { first: BigInt(`0x${destination}`), prefixLength } : undefined;
}
