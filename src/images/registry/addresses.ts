/** Addresses that only this machine or its link has; nothing that a registry says may lead there. On the host's side. */
import { lookup as lookupAddress } from 'node:dns/promises';
import { lookup as lookupLater, type LookupAddress, type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { registryFailed } from './failures.ts';

const LOCAL = new BlockList();
// Source: RFC 6890, special-purpose address registries.
LOCAL.addSubnet('0.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('127.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LOCAL.addSubnet('::', 127, 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** True for a loopback, link-local or unspecified address, also inside IPv6. */
export function isLocalAddress(address: string): boolean {
  const plain = address.split('%', 1).join();
  const family = isIP(plain);
  if (family === 0) return false;
  const inner = family === 6 ? mappedAddress(plain) : undefined;
  return inner === undefined ? LOCAL.check(plain, family === 6 ? 'ipv6' : 'ipv4') : LOCAL.check(inner, 'ipv4');
}

/** The IPv4 address in `::ffff:a.b.c.d`, which a URL writes as `::ffff:aabb:ccdd`. */
function mappedAddress(address: string): string | undefined {
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/iu.exec(new URL(`http://[${address}]`).hostname.slice(1, -1));
  if (hex?.[1] === undefined || hex[2] === undefined) return undefined;
  const [high, low] = [Number.parseInt(hex[1], 16), Number.parseInt(hex[2], 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The host name of a URL or registry domain, without brackets and port. */
export function hostnameOf(host: string): string {
  const hostname = URL.parse(`http://${host}`)?.hostname ?? host;
  return hostname.replace(/^\[|\]$/gu, '');
}

/** True for a registry on this machine by its name: `localhost`, 127.0.0.0/8 or [::1], with any port. */
export function isLoopbackHost(host: string): boolean {
  const hostname = hostnameOf(host);
  return hostname === 'localhost' || hostname === '::1' || /^127\.(?:[0-9]+\.){2}[0-9]+$/u.test(hostname);
}

/** True when `host` is, or resolves to, an address as isLocalAddress() means it. False when it cannot be resolved. */
export async function isLocalHost(host: string): Promise<boolean> {
  const hostname = hostnameOf(host);
  if (isLoopbackHost(host)) return true;
  if (isIP(hostname) !== 0) return isLocalAddress(hostname);
  const found = await lookupAddress(hostname, { all: true }).catch(() => []);
  return found.some(({ address }) => isLocalAddress(address));
}

type Answer = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** A `lookup` for connections that fails for names that resolve to local addresses. */
export function lookupElsewhere(hostname: string, options: LookupOptions, answer: Answer): void {
  lookupLater(hostname, options, (error, address, family) => {
    const addresses = Array.isArray(address) ? address.map((item) => item.address) : [address];
    const local = error === null ? addresses.find(isLocalAddress) : undefined;
    answer(local === undefined ? error : refusedAddress(hostname, local), address, family);
  });
}

/** REGISTRY_FAILED for an answer that leads to `host`. */
export function refusedAddress(host: string, address = host): Error {
  return registryFailed(
    `the registry leads to ${host}, which is an address of this machine (${address}); hutch does not go there`,
    {
      hint: 'do not trust this registry, or reach it under a name of this machine as well',
    },
  );
}
