/** What a network driver is: it gives the network namespace of a container its way out; on the host's side. */

export const NETWORK_DRIVERS = ['pasta', 'slirp4netns', 'none', 'host', 'bridge'] as const;
export type NetworkDriverName = (typeof NETWORK_DRIVERS)[number];

/** Descriptors of a helper: it writes to the first when it is ready, and ends when the other end of the second closes. */
export const HELPER_READY_FD = 3;
export const HELPER_EXIT_FD = 4;
/** Stands in a helper's words for the path of its control socket. */
export const HELPER_API = '%api';

/** A port of the host, and the one of the container that it leads to. */
export interface DriverPort {
  readonly protocol: 'tcp' | 'udp';
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** What a helper is to do beyond connecting the container to the outside. */
export interface HelperWishes {
  readonly ports: readonly DriverPort[];
  /** The container may reach what listens on the loopback of the host. */
  readonly hostLoopback: boolean;
}

export type HelperWords = readonly [string, ...string[]];

export interface NetworkDriver {
  readonly name: NetworkDriverName | `container:${string}`;
  /** The id of the container whose network namespace is joined; left out where a new one is made, or the host's is used. */
  readonly joins?: string;
  /** True when the container is in another network namespace than the host. */
  readonly isPrivate: boolean;
  /**
   * The helper's command line for these ports, with or without a way to the host's loopback, with `%pid` for the host pid of a process in the namespaces and HELPER_API for the path of a control
   * socket, if it is to be asked for the ports; null without a helper.
   */
  readonly helper: ((wishes: HelperWishes) => HelperWords) | null;
  /** True when the helper is asked for ports at its control socket; else its command line names them. */
  readonly isAskedForPorts: boolean;
  /** Why it cannot lead this port of the host to the container, in a few words; undefined where it can. */
  refusal(port: Pick<DriverPort, 'protocol' | 'hostAddress'>): Promise<string | undefined>;
  /** The name servers inside; null leaves the host's. */
  readonly nameServers: readonly string[] | null;
  /** The device by which everything goes out and comes in; null when hutch makes none. */
  readonly device: string | null;
  /** The container's own address, for /etc/hosts; null when it has none. */
  readonly address: string | null;
  /** The address in the container behind which the loopback of the host is, where a helper was asked to open it; null where there is none. */
  hostGateway(): string | null;
  /** Throws DRIVER_UNAVAILABLE with the remedy when the driver cannot work on this host. */
  check(): void;
}
