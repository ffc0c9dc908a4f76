/** Records of user networks on disk: what each one is; on the host's side. */

/** What a network has by IPv6, besides IPv4. */
export interface NetworkIPv6 {
  /** In CIDR notation, such as fd12:3456:789a::/64. */
  readonly subnet: string;
  /** As `gateway` of the network. */
  readonly gateway: string;
  /** As `ipRange` of the network. */
  readonly ipRange?: string;
}

/** A network of the user's, which containers are on. */
export interface NetworkRecord {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly driver: 'bridge';
  /** IPv4 in CIDR notation, such as 10.89.0.0/24. */
  readonly subnet: string;
  /** The address that hutch itself has on it: the way out, and the name server. */
  readonly gateway: string;
  /** Addresses are given out from here; the whole subnet where it is left out. CIDR notation. */
  readonly ipRange?: string;
  /** Left out: the network has IPv4 alone. */
  readonly ipv6?: NetworkIPv6;
  /** Its containers reach each other and nothing else. */
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** That a container is on a network; kept in the container's record, in order: the first has the default route. */
export interface NetworkAttachment {
  /** The network's name. */
  readonly network: string;
  /** Names it has there besides its own. */
  readonly aliases: readonly string[];
  /** Asked for by --ip; otherwise one is found at each start. */
  readonly ip?: string;
  /** Asked for by --ip6, in the form of RFC 5952; else as `ip`. */
  readonly ip6?: string;
  /** Asked for by --mac-address. */
  readonly mac?: string;
}
