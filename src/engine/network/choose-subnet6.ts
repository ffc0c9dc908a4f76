/** The IPv6 subnet of a new network: the one asked for if nothing else has it, else a random one that is unique to it. */
import { randomBytes } from 'node:crypto';
import { HutchError } from '../../errors/hutch-error.ts';
import {
  addressText6,
  doOverlap6,
  isForHosts6,
  parseAddress6,
  parseSubnet6,
  subnetText6,
  type Subnet6,
} from '../../linux/ipv6.ts';
import type { NetworkIPv6, NetworkRecord } from '../../state/network-record.ts';
import { badValue } from '../container/parse-values.ts';

export interface Subnet6Request {
  readonly subnet?: string | undefined;
  readonly gateway?: string | undefined;
  readonly ipRange?: string | undefined;
}

export interface Taken6 {
  readonly networks: readonly Pick<NetworkRecord, 'name' | 'ipv6'>[];
  /** Devices and routes of this host. */
  readonly host: readonly Subnet6[];
}

/** Larger ones would swallow what the host needs; smaller ones have no room for a gateway and a container. */
const PREFIXES = { least: 48, most: 126 };
const BITS = 128;
const EXAMPLE = 'fd12:3456:789a::/64';
/** Of slirp4netns, through which networks reach the outside. */
const SLIRP = subnet('fd00::/64');
/** Where devices of a link, many devices or nobody are: unspecified, loopback and IPv4 inside (::/8), link-local, multicast. Source: RFC 4291 §2.4. */
const SPECIAL = ['::/8', 'fe80::/10', 'ff00::/8'].map(subnet);
/** fd00::/8 are local addresses that everybody may draw; 40 random bits make them unique. Source: RFC 4193 §3. */
const LOCAL_PREFIX = 0xfdn;
const RANDOM_BYTES = 5;
const POOL_PREFIX = 64;
const MOST_DRAWS = 100;

/** USAGE_INVALID for what is no subnet, or a gateway or range that is not within it; SUBNET_UNAVAILABLE where it overlaps with another. `draw`: random bytes. */
export function chooseSubnet6(
  request: Subnet6Request,
  taken: Taken6,
  draw: (bytes: number) => Buffer = randomBytes,
): NetworkIPv6 {
  const chosen = request.subnet === undefined ? drawn(request, taken, draw) : askedFor(request.subnet, taken);
  const range = rangeOf(chosen, request.ipRange);
  return {
    subnet: subnetText6(chosen),
    gateway: gatewayOf(chosen, request.gateway),
    ...(range === undefined ? {} : { ipRange: range }),
  };
}

function drawn({ gateway, ipRange }: Subnet6Request, taken: Taken6, draw: (bytes: number) => Buffer): Subnet6 {
  if (gateway !== undefined) throw without('--gateway', gateway);
  if (ipRange !== undefined) throw without('--ip-range', ipRange);
  for (let turn = 0; turn < MOST_DRAWS; turn += 1) {
    const bits = (LOCAL_PREFIX << 40n) | BigInt(`0x${draw(RANDOM_BYTES).toString('hex')}`);
    const candidate = { first: bits << 80n, prefixLength: POOL_PREFIX };
    if (neighbourOf(candidate, taken) === undefined) return candidate;
  }
  throw new HutchError('no IPv6 subnet of fd00::/8 is free: routes of this host have them all', {
    code: 'SUBNET_UNAVAILABLE',
    hint: `give one with --subnet, such as --subnet ${EXAMPLE}`,
  });
}

function without(flag: string, value: string): HutchError {
  return new HutchError(`${flag} ${value} needs --subnet`, {
    code: 'USAGE_INVALID',
    hint: `say which subnet it is in, such as --subnet ${EXAMPLE}`,
    context: { flag, value },
  });
}

function askedFor(text: string, taken: Taken6): Subnet6 {
  const asked = parseSubnet6(text);
  if (asked === undefined || asked.prefixLength < PREFIXES.least || asked.prefixLength > PREFIXES.most)
    throw badValue(
      '--subnet',
      text,
      `ADDRESS/LENGTH with a length from ${String(PREFIXES.least)} to ${String(PREFIXES.most)} and no bits set behind it, such as ${EXAMPLE}`,
    );
  if (SPECIAL.some((special) => doOverlap6(asked, special)))
    throw badValue('--subnet', text, `addresses that devices may have, such as ${EXAMPLE}`);
  const neighbour = neighbourOf(asked, taken);
  if (neighbour === undefined) return asked;
  throw new HutchError(`--subnet ${text} overlaps with ${neighbour}`, {
    code: 'SUBNET_UNAVAILABLE',
    hint: 'give another one, or leave it out and hutch finds one',
    context: { subnet: text },
  });
}

/** What has addresses of the subnet already, in words. */
function neighbourOf(wanted: Subnet6, { networks, host }: Taken6): string | undefined {
  const network = networks.find(({ ipv6 }) => ipv6 !== undefined && doOverlap6(wanted, subnet(ipv6.subnet)));
  if (network !== undefined) return `network "${network.name}" (${network.ipv6?.subnet ?? ''})`;
  if (doOverlap6(wanted, SLIRP)) return `${subnetText6(SLIRP)}, by which networks reach the outside`;
  const used = host.find((other) => doOverlap6(wanted, other));
  return used === undefined ? undefined : `${subnetText6(used)}, which this host uses`;
}

function gatewayOf(chosen: Subnet6, text: string | undefined): string {
  if (text === undefined) return addressText6(chosen.first + 1n);
  const address = parseAddress6(text);
  if (address === undefined || !isForHosts6(address, chosen, ''))
    throw badValue('--gateway', text, `an address of containers within ${subnetText6(chosen)}`);
  return addressText6(address);
}

function rangeOf(chosen: Subnet6, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const range = parseSubnet6(text);
  if (range === undefined || range.prefixLength < chosen.prefixLength || !doOverlap6(range, chosen)) {
    const example = { first: chosen.first, prefixLength: Math.min(chosen.prefixLength + 1, BITS) };
    throw badValue('--ip-range', text, `a part of ${subnetText6(chosen)}, such as ${subnetText6(example)}`);
  }
  return subnetText6(range);
}

function subnet(text: string): Subnet6 {
  const found = parseSubnet6(text);
  if (found === undefined) throw new RangeError(`not an IPv6 subnet: ${text}`);
  return found;
}
