/** What monitors, the network hub of a user and its resolver say to each other: one JSON object a line, named by `event`; pure. */
import type { Endpoint } from '../oci/endpoint.ts';
import type { PublishedPort } from '../oci/published-port.ts';

/** Where the subnets of networks come from for which nobody has chosen one. Podman has its own there, too. */
export const SUBNET_POOL = '10.89.0.0/16';

/** A network as the hub needs it. */
export interface HubNetwork {
  readonly id: string;
  readonly name: string;
  /** IPv4 in CIDR notation. */
  readonly subnet: string;
  readonly gateway: string;
  /** CIDR notation. */
  readonly ipRange?: string;
  /** In CIDR notation, and the address of hutch itself; left out where the network has none. */
  readonly ipv6?: { readonly subnet: string; readonly gateway: string; readonly ipRange?: string };
  readonly internal: boolean;
}

/** A container's wish to be on a network. */
export interface HubWish {
  readonly network: HubNetwork;
  readonly aliases: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
  /** The device in the container: eth0, eth1, … */
  readonly device: string;
}

/** From the monitor of a container to the hub, on a connection of its own: when that ends, the container has no networks any more. */
export type HubRequest =
  | {
      readonly event: 'monitor_attaches';
      /** The container's id, 64 hexadecimal digits. */
      readonly container: string;
      readonly name: string;
      readonly hostname: string;
      /** Host pid of a process in the container's user and network namespaces. */
      readonly pid: number;
      readonly wishes: readonly HubWish[];
      readonly ports: readonly PublishedPort[];
      /** Of all networks that the user has, whether containers are on them or not; CIDR notation. */
      readonly subnets: readonly string[];
      /** Name servers of --dns, asked instead of the host's. */
      readonly nameServers: readonly string[];
    }
  | { readonly event: 'monitor_connects'; readonly wish: HubWish }
  | { readonly event: 'monitor_disconnects'; readonly network: string }
  | { readonly event: 'monitor_renames'; readonly name: string };

/** From the hub to a monitor: each request is answered by one of the first two, in order. */
export type HubAnswer =
  | { readonly event: 'hub_done'; readonly endpoints: readonly Endpoint[] }
  | { readonly event: 'hub_refuses'; readonly code: string; readonly message: string; readonly hint: string | null }
  /** Unasked: the way out had ended and was started again, or could not be. */
  | { readonly event: 'hub_notes'; readonly what: 'restarted' | 'lost'; readonly detail: string };

/** From the hub to its resolver: all that it answers from, anew each time. Networks are named by their ids: two stores may use one name. */
export interface ResolverTable {
  readonly event: 'hub_tells';
  /** Where it answers: the gateways of each network, by IPv4 and IPv6. Questions that no name answers go on where `forwards` says so. */
  readonly listen: readonly { readonly address: string; readonly network: string; readonly forwards: boolean }[];
  /** Names in lower case, without a dot at the end. */
  readonly names: readonly {
    readonly network: string;
    readonly name: string;
    /** IPv4 and IPv6, the latter in the form of RFC 5952. */
    readonly addresses: readonly string[];
  }[];
  /** Who asks from which address; it sees the names of all networks that `networks` lists. */
  readonly clients: readonly {
    readonly address: string;
    readonly networks: readonly string[];
    /** Asked in order instead of the host's name server; empty: the host's. */
    readonly nameServers: readonly string[];
  }[];
}

/**
 * From the resolver to the hub. `netlink`: the number of a descriptor in the resolver, a NETLINK_ROUTE socket of its network namespace. `resolver_took`: it
 * answers from a table now, one for each table in their order.
 */
export type ResolverMessage =
  { readonly event: 'resolver_ready'; readonly netlink: number } | { readonly event: 'resolver_took' };

/** Cuts a stream of text into lines and parses each; throws SyntaxError for a line that is no JSON. */
export function createLineParser(hear: (message: unknown) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) hear(JSON.parse(line));
  };
}
