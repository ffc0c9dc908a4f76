/** `--subnet`, `--gateway` and `--ip-range` of a new network, which may be of IPv4 and of IPv6: which is which; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { SubnetRequest } from './choose-subnet.ts';
import type { Subnet6Request } from './choose-subnet6.ts';

export interface Ranges {
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
  readonly ipRanges: readonly string[];
  readonly ipv6: boolean;
}

export interface Divided {
  readonly v4: SubnetRequest;
  /** Undefined: the network is to have IPv4 alone. */
  readonly v6: Subnet6Request | undefined;
}

/** A subnet of IPv6 asks for IPv6 without --ipv6, as with podman. USAGE_INVALID for two of one kind. */
export function divideRanges({ subnets, gateways, ipRanges, ipv6 }: Ranges): Divided {
  const v4 = {
    subnet: only('--subnet', subnets, false),
    gateway: only('--gateway', gateways, false),
    ipRange: only('--ip-range', ipRanges, false),
  };
  const v6 = {
    subnet: only('--subnet', subnets, true),
    gateway: only('--gateway', gateways, true),
    ipRange: only('--ip-range', ipRanges, true),
  };
  const isWanted = ipv6 || Object.values(v6).some((text) => text !== undefined);
  return { v4, v6: isWanted ? v6 : undefined };
}

function only(flag: string, values: readonly string[], isIPv6: boolean): string | undefined {
  const [value, second] = values.filter((text) => isOfIPv6(text) === isIPv6);
  if (second === undefined) return value;
  const kind = isIPv6 ? 'IPv6' : 'IPv4';
  throw new HutchError(`${flag} ${second} does not go with ${flag} ${value ?? ''}: a network has one of ${kind}`, {
    code: 'USAGE_INVALID',
    hint: 'leave one of them out, or make two networks',
    context: { flag, value: second },
  });
}

function isOfIPv6(text: string): boolean {
  return text.includes(':');
}
