/** The packet filter of a user's networks, as text for nft(8); pure. It lives in a network namespace that no container can reach. */
import { outermost, subnetText, type Subnet } from '../linux/ipv4.ts';
import { linkLocalOf, parseAddress6 } from '../linux/ipv6.ts';

/** Devices of containers begin so, and have a number. */
export const PORT_PREFIX = 'port';
/** The device of slirp4netns. */
export const OUTWARD = 'tap0';

/** What one container is on its network; `ipv6` where the network has that. */
export interface PortRule {
  readonly device: string;
  readonly mac: string;
  readonly address: string;
  readonly ipv6?: { readonly address: string };
}

/** A port of the outer side that leads to one of a container. */
export interface ForwardRule {
  readonly protocol: 'tcp' | 'udp';
  readonly outerPort: number;
  readonly address: string;
  readonly port: number;
}

/** What is done with a packet to a network that is private to the user and not the sender's; the second where the kernel lacks nft_reject. */
export const REFUSALS = ['reject with icmpx type no-route', 'drop'] as const;

/**
 * Within a bridge everything passes (a host with br_netfilter asks here about that too). Bridges reach the outside only where they are in `outward`, each other never, and hutch itself only at the gateway of their own network, by
 * questions to the name server and by ping. On a
 * bridge, a container speaks with its own address or not at all. What is for a private network (`private`) does not leave by the host, which would
 * send it by its default route, unless the host has a route of its own there (`routed`). By IPv6 that is said of the user's other networks alone (`private6`): nobody else has what was drawn for them.
 *
 * By IPv6, a container asks for its neighbours from its own addresses, and answers for those alone (RFC 4861): what it announces is at bits 64 to 191 of the
 * message. It is no router and no DHCP server (RFC 8415: clients hear at port 546), and does not count the listeners of groups, which the bridge would believe. Source: nft(8).
 */
export const baseRules = (refusal: string): string => `
table inet hutch {
  set gateways { type ifname . ipv4_addr; }
  set gateways6 { type ifname . ipv6_addr; }
  set outward { type ifname; }
  set inside { type ifname . ifname; }
  set private { type ipv4_addr; flags interval; }
  set routed { type ipv4_addr; flags interval; }
  set private6 { type ipv6_addr; flags interval; auto-merge; }
  map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }
  chain arriving {
    type nat hook prerouting priority dstnat;
    iifname "${OUTWARD}" meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports
  }
  chain leaving {
    type nat hook postrouting priority srcnat;
    oifname "${OUTWARD}" masquerade
  }
  chain passing {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname . oifname @inside accept
    iifname @outward ip daddr @private ip daddr != @routed ${refusal}
    iifname @outward ip6 daddr @private6 ${refusal}
    iifname @outward oifname "${OUTWARD}" accept
    iifname "${OUTWARD}" ct status dnat accept
  }
  chain here {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    iifname . ip daddr @gateways udp dport 53 accept
    iifname . ip daddr @gateways tcp dport 53 accept
    iifname . ip daddr @gateways icmp type echo-request accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    iifname . ip6 daddr @gateways6 udp dport 53 accept
    iifname . ip6 daddr @gateways6 tcp dport 53 accept
    iifname . ip6 daddr @gateways6 icmpv6 type echo-request accept
  }
}
table bridge hutch {
  set speakers { type ifname . ether_addr . ipv4_addr; }
  set speakers6 { type ifname . ether_addr . ipv6_addr; }
  set announcers { typeof iifname . @th,64,128; }
  chain speaking6 {
    icmpv6 type { nd-router-advert, nd-redirect, router-renumbering, mld-listener-query } drop
    icmpv6 type nd-neighbor-advert iifname . @th,64,128 @announcers accept
    icmpv6 type nd-neighbor-advert drop
    udp dport 546 drop
    accept
  }
  chain arriving {
    type filter hook prerouting priority filter; policy drop;
    ether type ip iifname . ether saddr . ip saddr @speakers accept
    ether type arp iifname . ether saddr . arp saddr ip @speakers accept
    ether type ip6 iifname . ether saddr . ip6 saddr @speakers6 jump speaking6
  }
}
`;

/** What one bridge is. */
export interface BridgeRule {
  readonly device: string;
  readonly gateway: string;
  readonly ipv6?: { readonly gateway: string };
  /** It does not lead outside. */
  readonly internal: boolean;
}

export function bridgeRule(verb: 'add' | 'delete', { device, gateway, ipv6, internal }: BridgeRule): string {
  const elements = [
    ['inside', `"${device}" . "${device}"`],
    ['gateways', `"${device}" . ${gateway}`],
    ...(ipv6 === undefined ? [] : [['gateways6', `"${device}" . ${ipv6.gateway}`]]),
    ...(internal ? [] : [['outward', `"${device}"`]]),
  ];
  return elements.map(([set = '', element = '']) => `${verb} element inet hutch ${set} { ${element} }\n`).join('');
}

export function portRule(verb: 'add' | 'delete', { device, mac, address, ipv6 }: PortRule): string {
  const own6 = ipv6 === undefined ? [] : [ipv6.address, linkLocalOf(mac)];
  const elements = [
    ['speakers', `${mac} . ${address}`],
    ...own6.map((six) => ['speakers6', `${mac} . ${six}`]),
    ...own6.map((six) => ['announcers', hexadecimal(six)]),
  ];
  return elements
    .map(([set = '', own = '']) => `${verb} element bridge hutch ${set} { "${device}" . ${own} }\n`)
    .join('');
}

function hexadecimal(address: string): string {
  return `0x${(parseAddress6(address) ?? 0n).toString(16)}`;
}

export function forwardRule(verb: 'add' | 'delete', { protocol, outerPort, address, port }: ForwardRule): string {
  const key = `${protocol} . ${String(outerPort)}`;
  return `${verb} element inet hutch ports { ${key}${verb === 'add' ? ` : ${address} . ${String(port)}` : ''} }\n`;
}

/** Which addresses are those of private networks, and which the host routes all the same; both anew. */
export function privateRule(privates: readonly Subnet[], routed: readonly Subnet[]): string {
  return [setRule('private', privates), setRule('routed', routed)].join('');
}

function setRule(set: string, subnets: readonly Subnet[]): string {
  const elements = outermost(subnets).map(subnetText).join(', ');
  return `flush set inet hutch ${set}\n${elements === '' ? '' : `add element inet hutch ${set} { ${elements} }\n`}`;
}

/** The same by IPv6: the subnets of the user's networks, in CIDR notation. */
export function privateRule6(subnets: readonly string[]): string {
  return subnets.length === 0 ? '' : `add element inet hutch private6 { ${subnets.join(', ')} }\n`;
}
