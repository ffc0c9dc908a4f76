/** What a network driver is: it gives the network namespace of a container its way out; on the host's side. */

export const NETWORK_DRIVERS = ['slirp4netns', 'none', 'host'] as const;
export type NetworkDriverName = (typeof NETWORK_DRIVERS)[number];

/** Descriptors of a helper: it writes to the first when it is ready, and ends when the other end of the second closes. */
export const HELPER_READY_FD = 3;
export const HELPER_EXIT_FD = 4;

export interface NetworkDriver {
  readonly name: NetworkDriverName;
  /** True when the container gets a network namespace of its own. */
  readonly isPrivate: boolean;
  /** The helper's command line, `%pid` standing for the host pid of a process in the namespaces; null without one. */
  readonly helper: readonly [string, ...string[]] | null;
  /** The name servers inside; null leaves the host's. */
  readonly nameServers: readonly string[] | null;
  /** The device by which everything goes out and comes in; null when hutch makes none. */
  readonly device: string | null;
  /** The container's own address, for /etc/hosts; null when it has none. */
  readonly address: string | null;
  /** Throws DRIVER_UNAVAILABLE with the remedy when the driver cannot work on this host. */
  check(): void;
}
