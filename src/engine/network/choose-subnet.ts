/** The subnet of a new network: the one asked for if nothing else has it, else the first of the pool that is free; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import {
  addressText,
  doOverlap,
  isWithin,
  lastOf,
  parseAddress,
  parseSubnet,
  sizeOf,
  subnetText,
  type Subnet,
} from '../../linux/ipv4.ts';
import { SUBNET_POOL } from '../../protocol/hub.ts';
import type { NetworkRecord } from '../../state/network-record.ts';
import { badValue } from '../container/parse-values.ts';

export interface SubnetRequest {
  readonly subnet?: string | undefined;
  readonly gateway?: string | undefined;
  readonly ipRange?: string | undefined;
}

export interface Taken {
  readonly networks: readonly Pick<NetworkRecord, 'name' | 'subnet'>[];
  /** Devices and routes of this host. */
  readonly host: readonly Subnet[];
}

export type Range = Pick<NetworkRecord, 'subnet' | 'gateway' | 'ipRange'>;

/** 256 subnets of 254 addresses each. */
const POOL_PREFIX = 24;
/** Of slirp4netns, through which networks reach the outside. */
const SLIRP: Subnet = { first: 0x0a_00_02_00, prefixLength: 24 };
/** Larger ones would swallow what the host needs; smaller ones have no room for a gateway and a container. */
const PREFIXES = { least: 8, most: 30 };

/** USAGE_INVALID for what is no subnet, or an address that is not within it; SUBNET_UNAVAILABLE where it overlaps with another. */
export function chooseSubnet(request: SubnetRequest, taken: Taken): Range {
  const subnet = request.subnet === undefined ? firstFree(request, taken) : askedFor(request.subnet, taken);
  const gateway = gatewayOf(subnet, request.gateway);
  const range = rangeOf(subnet, request.ipRange);
  return { subnet: subnetText(subnet), gateway, ...(range === undefined ? {} : { ipRange: range }) };
}

function firstFree({ gateway, ipRange }: SubnetRequest, taken: Taken): Subnet {
  if (gateway !== undefined) throw without('--gateway', gateway);
  if (ipRange !== undefined) throw without('--ip-range', ipRange);
  const pool = parseSubnet(SUBNET_POOL);
  for (
    let first = pool?.first ?? 0;
    pool !== undefined && first <= lastOf(pool);
    first += sizeOf({ first, prefixLength: POOL_PREFIX })
  ) {
    const subnet = { first, prefixLength: POOL_PREFIX };
    if (neighbourOf(subnet, taken) === undefined) return subnet;
  }
  throw new HutchError(`no subnet of ${SUBNET_POOL} is free: networks or routes of this host have them all`, {
    code: 'SUBNET_UNAVAILABLE',
    hint: 'give one with --subnet, or remove networks that nobody uses: hutch network prune',
  });
}

function without(flag: string, value: string): HutchError {
  return new HutchError(`${flag} ${value} needs --subnet`, {
    code: 'USAGE_INVALID',
    hint: 'say which subnet it is in, such as --subnet 10.90.0.0/24',
    context: { flag, value },
  });
}

function askedFor(text: string, taken: Taken): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === undefined || subnet.prefixLength < PREFIXES.least || subnet.prefixLength > PREFIXES.most)
    throw badValue(
      '--subnet',
      text,
      'ADDRESS/LENGTH with a length from 8 to 30 and no bits set behind it, such as 10.90.0.0/24',
    );
  if (!isUnicast(subnet)) throw badValue('--subnet', text, 'addresses that devices may have, such as 10.90.0.0/24');
  const neighbour = neighbourOf(subnet, taken);
  if (neighbour === undefined) return subnet;
  throw new HutchError(`--subnet ${text} overlaps with ${neighbour}`, {
    code: 'SUBNET_UNAVAILABLE',
    hint: 'give another one, or leave it out and hutch finds one',
    context: { subnet: text },
  });
}

/** Neither 0.0.0.0/8 nor 127.0.0.0/8, nor what begins at 224.0.0.0. */
function isUnicast({ first }: Subnet): boolean {
  const octet = Math.floor(first / 2 ** 24);
  return octet !== 0 && octet !== 127 && octet < 224;
}

/** What has addresses of the subnet already, in words. */
function neighbourOf(subnet: Subnet, { networks, host }: Taken): string | undefined {
  const network = networks.find((other) => {
    const its = parseSubnet(other.subnet);
    return its !== undefined && doOverlap(subnet, its);
  });
  if (network !== undefined) return `network "${network.name}" (${network.subnet})`;
  if (doOverlap(subnet, SLIRP)) return `${subnetText(SLIRP)}, by which networks reach the outside`;
  const used = host.find((other) => doOverlap(subnet, other));
  return used === undefined ? undefined : `${subnetText(used)}, which this host uses`;
}

function gatewayOf(subnet: Subnet, text: string | undefined): string {
  if (text === undefined) return addressText(subnet.first + 1);
  if (!isHost(subnet, parseAddress(text)))
    throw badValue('--gateway', text, `an address of containers within ${subnetText(subnet)}`);
  return text;
}

function isHost(subnet: Subnet, address: number | undefined): boolean {
  return address !== undefined && isWithin(address, subnet) && address !== subnet.first && address !== lastOf(subnet);
}

function rangeOf(subnet: Subnet, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const range = parseSubnet(text);
  if (range === undefined || !isWithin(range.first, subnet) || !isWithin(lastOf(range), subnet))
    throw badValue(
      '--ip-range',
      text,
      `a part of ${subnetText(subnet)}, such as ${addressText(subnet.first)}/${String(subnet.prefixLength + 1)}`,
    );
  return text;
}
