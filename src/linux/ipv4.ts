/** IPv4 addresses and subnets as numbers; pure. */

export interface Subnet {
  /** The lowest address of it, as a number. */
  readonly first: number;
  readonly prefixLength: number;
}

/** `10.89.0.2` as a number; undefined for anything else. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/u.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => String(Math.floor(address / 2 ** shift) % 256)).join('.');
}

/** `10.89.0.0/24`; undefined when it is none, or has bits set behind the prefix. */
export function parseSubnet(text: string): Subnet | undefined {
  const [, address = '', length = ''] = /^([\d.]+)\/(\d{1,2})$/u.exec(text) ?? [];
  const [first, prefixLength] = [parseAddress(address), Number(length)];
  if (first === undefined || prefixLength > 32 || length === '') return undefined;
  return first % sizeOf({ first, prefixLength }) === 0 ? { first, prefixLength } : undefined;
}

export function subnetText({ first, prefixLength }: Subnet): string {
  return `${addressText(first)}/${String(prefixLength)}`;
}

/** How many addresses it has. */
export function sizeOf({ prefixLength }: Subnet): number {
  return 2 ** (32 - prefixLength);
}

export function lastOf(subnet: Subnet): number {
  return subnet.first + sizeOf(subnet) - 1;
}

export function isWithin(address: number, subnet: Subnet): boolean {
  return address >= subnet.first && address <= lastOf(subnet);
}

/** True for an address of the subnet that somebody on it may have: not the first nor the last, where it has such, nor the gateway's. */
export function isForHosts(address: number, subnet: Subnet, gateway: string): boolean {
  const isReserved = subnet.prefixLength < 31 && (address === subnet.first || address === lastOf(subnet));
  return isWithin(address, subnet) && !isReserved && addressText(address) !== gateway;
}

/** Those that lie in none of the others, each once: sets of nft(8) take no intervals that overlap. */
export function outermost(subnets: readonly Subnet[]): Subnet[] {
  const each = [...new Map(subnets.map((subnet) => [subnetText(subnet), subnet])).values()];
  return each.filter(
    (one) => !each.some((other) => other !== one && doOverlap(one, other) && sizeOf(other) > sizeOf(one)),
  );
}

/** True when the two have an address in common. */
export function doOverlap(one: Subnet, other: Subnet): boolean {
  return one.first <= lastOf(other) && other.first <= lastOf(one);
}
