/** Addresses and routes of a container's device, by ip(8) in the container's network namespace; in the hub, on the host's side. */
import { runInNetwork } from '../host/network-queues.ts';
import { linkLocalOf } from '../linux/ipv6.ts';
import type { Endpoint } from '../oci/endpoint.ts';
import { failed } from './network-space.ts';

/** Whether everything that is nowhere else goes out by this device, by IPv4 and by IPv6. */
export interface WaysOut {
  readonly v4: boolean;
  readonly v6: boolean;
}

/** Gives the device its addresses, and the way out. NETWORK_FAILED. */
export async function configureDevice(pid: number, endpoint: Endpoint, ways: WaysOut): Promise<void> {
  await runIp(pid, [...deviceLines(endpoint), ...routeLines(endpoint, ways)]);
}

/** The way out is by this device from now on. NETWORK_FAILED. */
export async function leadOut(pid: number, endpoint: Endpoint, ways: WaysOut): Promise<void> {
  await runIp(pid, routeLines(endpoint, ways));
}

/**
 * Pure: lines for `ip -batch`. The hub knows who has which address, so the kernel need not ask the link first (nodad), and the address is there at once;
 * a link-local one is needed all the same: the kernel sends from it when it asks whether a neighbour is still there. Source: ip-address(8), RFC 4861 §7.2.2.
 */
export function deviceLines({ address, prefixLength, device, mac, ipv6 }: Endpoint): string[] {
  const v4 = `addr add ${address}/${String(prefixLength)} broadcast + dev ${device}`;
  const up = `link set ${device} up`;
  if (ipv6 === undefined) return [v4, up];
  return [
    v4,
    `link set ${device} addrgenmode none`,
    up,
    `addr add ${linkLocalOf(mac)}/64 dev ${device} nodad`,
    `addr add ${ipv6.address}/${String(ipv6.prefixLength)} dev ${device} nodad`,
  ];
}

function routeLines({ gateway, device, ipv6 }: Endpoint, ways: WaysOut): string[] {
  return [
    ...(ways.v4 ? [`route replace default via ${gateway} dev ${device}`] : []),
    ...(ways.v6 && ipv6 !== undefined ? [`route replace default via ${ipv6.gateway} dev ${device}`] : []),
  ];
}

async function runIp(pid: number, lines: readonly string[]): Promise<void> {
  const { code, stderr } = await runInNetwork(pid, ['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  if (code !== 0) throw failed(`ip: ${stderr.trim().split('\n')[0] ?? ''}`);
}
