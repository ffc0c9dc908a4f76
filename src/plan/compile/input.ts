/** What the compiler is given besides the spec: the host's answers to what the spec leaves open. Pure data. */
import type { UserNamespace } from '../../linux/id-map.ts';
import type { Architecture } from '../../linux/syscalls.ts';
import type { PublishedPort } from '../../oci/published-port.ts';
import type { Preparation, RootfsSource } from '../../oci/rootfs-source.ts';

export interface CompileInput {
  /** The launch chain's user namespaces, outermost first. */
  readonly userNamespaces: readonly [UserNamespace, ...UserNamespace[]];
  readonly prepare: Preparation;
  readonly rootfs: RootfsSource;
  /** The helper that connects the network namespace, `%pid` standing for init's host pid; null when none is needed. */
  readonly networkHelper: readonly string[] | null;
  /** The user's networks that the container is to be on; left out or empty for another kind of network. */
  readonly networks?: readonly string[];
  /** Those of them that have IPv6 besides IPv4. */
  readonly withIPv6?: readonly string[];
  /** The device that the helper makes in the network namespace; left out without one. */
  readonly networkDevice?: string | null;
  /** Ports of the host that the helper is asked for when it runs. */
  readonly ports?: readonly PublishedPort[];
  /** Of the host's kernel. */
  readonly architecture: Architecture;
}
