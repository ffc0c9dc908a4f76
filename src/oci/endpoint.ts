/** What a container has on a network of its user: the answer of the hub, kept in the container's state; pure. */
export interface Endpoint {
  /** The network's name. */
  readonly network: string;
  readonly networkId: string;
  /** The device in the container: eth0, eth1, … */
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
  /** On a network that has IPv6. */
  readonly ipv6?: { readonly address: string; readonly prefixLength: number; readonly gateway: string };
  /** The network does not lead outside, and no port of the host to it. */
  readonly isInternal?: true;
  readonly mac: string;
  /** The names that others on the network find it by. */
  readonly aliases: readonly string[];
}
