/** What a user asks of a new container, as the command line gives it: unparsed words, defaults left out; pure types. */

import type { LimitRequest } from './limit-request.ts';

export interface RunRequest {
  readonly image: string;
  readonly command: readonly string[];
  readonly name?: string | undefined;
  readonly remove: boolean;
  readonly interactive: boolean;
  readonly terminal: boolean;
  readonly env: readonly string[];
  readonly envFiles: readonly string[];
  readonly workingDirectory?: string | undefined;
  readonly user?: string | undefined;
  readonly groupAdd: readonly string[];
  readonly entrypoint?: string | undefined;
  readonly hostname?: string | undefined;
  readonly readOnly: boolean;
  readonly tmpfs: readonly string[];
  readonly volumes: readonly string[];
  /** Of --mount: `type=bind,src=…,dst=…`. */
  readonly mounts?: readonly string[];
  /** KEY=VALUE. */
  readonly annotations?: readonly string[];
  /** Name of a zone, or `local`. */
  readonly timeZone?: string | undefined;
  readonly domainname?: string | undefined;
  readonly oomScoreAdj?: string | undefined;
  /** A container that has the name is removed first. */
  readonly replace?: boolean | undefined;
  /** Where the pid of its command is written to. */
  readonly pidFile?: string | undefined;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOptions: readonly string[];
  readonly privileged: boolean;
  readonly init: boolean;
  readonly ulimits: readonly string[];
  readonly sysctls: readonly string[];
  readonly shmSize?: string | undefined;
  readonly addHosts: readonly string[];
  /** /etc/hosts is the image's own. */
  readonly noHosts?: boolean | undefined;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions?: readonly string[] | undefined;
  /** The last of `networks`. */
  readonly network?: string | undefined;
  readonly networks?: readonly string[];
  readonly networkAliases?: readonly string[];
  readonly ip?: string | undefined;
  readonly ip6?: string | undefined;
  readonly macAddress?: string | undefined;
  readonly allowHostLoopback?: boolean | undefined;
  readonly publish: readonly string[];
  readonly publishAll: boolean;
  readonly expose: readonly string[];
  /** A port below 1024 that is root's is replaced by a higher one. */
  readonly portFallback: boolean;
  /** Of tc(8): `8mbit`. */
  readonly networkRate?: string | undefined;
  readonly networkBurst?: string | undefined;
  readonly pid?: string | undefined;
  readonly uts?: string | undefined;
  readonly ipc?: string | undefined;
  readonly cgroupns?: string | undefined;
  readonly clockOffset?: string | undefined;
  readonly umask?: string | undefined;
  readonly labels: readonly string[];
  readonly labelFiles: readonly string[];
  readonly storageDriver?: string | undefined;
  readonly limits: LimitRequest;
  readonly cgroupDriver?: string | undefined;
  /** A slice, or for `cgroupfs` a path below the delegated cgroup. */
  readonly cgroupParent?: string | undefined;
  /** enabled (what is meant when it is left out) or disabled. */
  readonly cgroups?: string | undefined;
  /** true or always: the payload is a systemd, or another that divides its own cgroup; auto (what is meant when it is left out): by its command; false. */
  readonly systemd?: string | undefined;
  /** PATH[:PATH-INSIDE[:rwm]] of device nodes. */
  readonly devices: readonly string[];
  /** missing (what is meant when it is left out), always, never or newer. */
  readonly pull?: string | undefined;
  readonly platform?: string | undefined;
  readonly restart?: string | undefined;
  readonly stopSignal?: string | undefined;
  /** Seconds. */
  readonly stopTimeout?: string | undefined;
  /** A line for the shell, a JSON list of words, or `none`. */
  readonly healthCommand?: string | undefined;
  readonly healthInterval?: string | undefined;
  readonly healthTimeout?: string | undefined;
  readonly healthRetries?: string | undefined;
  readonly healthStartPeriod?: string | undefined;
  readonly healthStartInterval?: string | undefined;
  readonly noHealthCheck?: boolean | undefined;
  /** Seconds that it may run. */
  readonly timeout?: string | undefined;
  readonly logDriver?: string | undefined;
  readonly logOptions: readonly string[];
  /** Gives files of ids without a counterpart to nobody when the image is unpacked. */
  readonly squashIds?: boolean | undefined;
  /** How the registry is reached when the image is fetched; see src/engine/image/visit-registry.ts. */
  readonly tlsVerify?: boolean | undefined;
  readonly authFile?: string | undefined;
  readonly certDirectory?: string | undefined;
}
