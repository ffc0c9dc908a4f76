/** Which IPv4 addresses this host uses or has routes to; reads the host. */
import { networkInterfaces } from 'node:os';
import { parseSubnet, type Subnet } from '../linux/ipv4.ts';
import { readText } from './probe/read-text.ts';

/** A VPN that takes everything lays two routes of this length beside the one to everywhere, so as to leave that alone. */
const HALF = 1;

/** The subnets of all devices, and where routes lead but those to everywhere, whole or in halves. Source: proc_net(5). */
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
