/** IPv6 addresses and subnets as numbers of 128 bits; pure. */
import { parseAddress } from './ipv4.ts';

export interface Subnet6 {
  /** The lowest address of it. */
  readonly first: bigint;
  readonly prefixLength: number;
}

const GROUPS = 8;
const GROUP_BITS = 16n;
const BITS = 128;

/** `fd00::2` as a number; undefined for anything else, also for one with a zone. */
export function parseAddress6(text: string): bigint | undefined {
  const [head = '', tail, ...more] = withoutDots(text).split('::');
  const [front, back] = [groupsOf(head), groupsOf(tail ?? '')];
  if (more.length > 0 || front === undefined || back === undefined) return undefined;
  const missing = GROUPS - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const zeros = Array.from({ length: missing }, () => 0n);
  return [...front, ...zeros, ...back].reduce((sum, group) => (sum << GROUP_BITS) | group, 0n);
}

/** Undefined where one of them is no group. */
function groupsOf(text: string): bigint[] | undefined {
  const groups = text === '' ? [] : text.split(':');
  return groups.every((group) => /^[\da-f]{1,4}$/iu.test(group))
    ? groups.map((group) => BigInt(`0x${group}`))
    : undefined;
}

/** `::ffff:192.0.2.7` with the IPv4 address at its end in hexadecimal groups. */
function withoutDots(text: string): string {
  return text.replace(/(?<=:)[\d.]+\.[\d.]+$/u, (dotted) => {
    const number = parseAddress(dotted);
    return number === undefined
      ? dotted
      : `${Math.floor(number / 0x1_0000).toString(16)}:${(number % 0x1_0000).toString(16)}`;
  });
}

/** In the form that programs print: lower case, the first of the longest runs of zero groups left out. Source: RFC 5952 §4. */
export function addressText6(address: bigint): string {
  const groups = address.toString(16).padStart(32, '0').match(/.{4}/gu) ?? [];
  const text = groups.map((group) => group.replace(/^0{1,3}/u, '')).join(':');
  const runs = text.match(/\b0(?::0)+\b/gu) ?? [];
  const [longest] = runs.toSorted((one, other) => other.length - one.length);
  return longest === undefined ? text : text.replace(new RegExp(`(?:^|:)${longest}(?:$|:)`, 'u'), '::');
}

/** `fd00:1::/64`; undefined when it is none, or has bits set behind the prefix. */
export function parseSubnet6(text: string): Subnet6 | undefined {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/u.exec(text) ?? [];
  const [first, prefixLength] = [parseAddress6(address), Number(length)];
  if (first === undefined || prefixLength > BITS) return undefined;
  return first % sizeOf6({ prefixLength }) === 0n ? { first, prefixLength } : undefined;
}

export function subnetText6({ first, prefixLength }: Subnet6): string {
  return `${addressText6(first)}/${String(prefixLength)}`;
}

/** How many addresses it has. */
export function sizeOf6({ prefixLength }: Pick<Subnet6, 'prefixLength'>): bigint {
  return 1n << BigInt(BITS - prefixLength);
}

export function lastOf6(subnet: Subnet6): bigint {
  return subnet.first + sizeOf6(subnet) - 1n;
}

/** The subnet of this length that an address is in. */
export function subnetAround6(address: bigint, prefixLength: number): Subnet6 {
  return { first: address - (address % sizeOf6({ prefixLength })), prefixLength };
}

export function isWithin6(address: bigint, subnet: Subnet6): boolean {
  return address >= subnet.first && address <= lastOf6(subnet);
}

/** True for an address of the subnet that a container may have: not the first, which is that of all routers (RFC 4291 §2.6.1), nor the gateway's. */
export function isForHosts6(address: bigint, subnet: Subnet6, gateway: string): boolean {
  return isWithin6(address, subnet) && address !== subnet.first && addressText6(address) !== gateway;
}

/** True when the two have an address in common. */
export function doOverlap6(one: Subnet6, other: Subnet6): boolean {
  return one.first <= lastOf6(other) && other.first <= lastOf6(one);
}

/** The address that a device has on its link by its hardware address: `fe80::42:aff:fe59:2`. Source: RFC 4291, appendix A. */
export function linkLocalOf(mac: string): string {
  const bytes = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const identifier = [(bytes[0] ?? 0) ^ 2, ...bytes.slice(1, 3), 0xff, 0xfe, ...bytes.slice(3)];
  return addressText6(identifier.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0xfe80n << 48n));
}
