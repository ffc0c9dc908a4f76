/** The part of the OCI runtime specification that hutch compiles, as types; pure. Source: opencontainers/runtime-spec, config.md. */
import type { SpecResources } from './resources.ts';
import type { SeccompProfile } from './seccomp.ts';

export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: SpecProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly SpecMount[];
  readonly linux: SpecLinux;
  /** Keys of hutch's own begin with `org.hutch.`; see HUTCH_ANNOTATIONS. */
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SpecProcess {
  readonly terminal: boolean;
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly umask?: number;
    readonly additionalGids: readonly number[];
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: SpecCapabilities;
  readonly rlimits: readonly SpecRlimit[];
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj?: number;
}

export interface SpecCapabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly inheritable: readonly string[];
  readonly permitted: readonly string[];
  readonly ambient: readonly string[];
}

export interface SpecRlimit {
  /** Such as `RLIMIT_NOFILE`. */
  readonly type: string;
  /** -1 is unlimited. */
  readonly soft: number;
  readonly hard: number;
}

export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export type SpecNamespaceType = 'user' | 'pid' | 'mount' | 'uts' | 'ipc' | 'network' | 'cgroup' | 'time';

export interface SpecIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface SpecLinux {
  /** Those that are not the host's. With a `path`, which is `container:ID`, it is that of another container; without one it is new. */
  readonly namespaces: readonly { readonly type: SpecNamespaceType; readonly path?: string }[];
  readonly uidMappings: readonly SpecIdMapping[];
  readonly gidMappings: readonly SpecIdMapping[];
  readonly timeOffsets?: Readonly<
    Record<'monotonic' | 'boottime', { readonly secs: number; readonly nanosecs: number }>
  >;
  /** Device nodes of the host that are bound; ordinary users cannot make nodes. */
  readonly devices: readonly { readonly path: string; readonly hostPath: string }[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  /** Null: no filter. */
  readonly seccomp: SeccompProfile | null;
  /** Where its cgroup is made: for systemd `SLICE:PREFIX:NAME`, else a path. Left out: it has none of its own. */
  readonly cgroupsPath?: string;
  readonly resources?: SpecResources;
}

/** What hutch needs to say beyond the specification. */
export const HUTCH_ANNOTATIONS = {
  /** `true` or `false`: confine the payload by Landlock. */
  landlock: 'org.hutch.landlock',
  /** Name of the seccomp profile for people: `default`, `nesting`, `unconfined` or a file's path. */
  seccompProfile: 'org.hutch.seccomp-profile',
  /** `true` or `false`: the payload's stdin is open. */
  stdin: 'org.hutch.stdin',
  /** `slirp4netns`, `pasta`, `none`, `host` or `container:ID`. */
  network: 'org.hutch.network',
  /** `true`: the loopback of the host can be reached from its network. */
  hostLoopback: 'org.hutch.host-loopback',
  /** Published ports, such as `127.0.0.1:8080->80/tcp`, with commas between them. */
  ports: 'org.hutch.ports',
  /** Bits per second that its network is held to, in each direction. */
  networkRate: 'org.hutch.network-rate',
  /** Bytes that may pass at once after a pause. */
  networkBurst: 'org.hutch.network-burst',
  /** `systemd` or `cgroupfs`: who makes the container's cgroup. */
  cgroupDriver: 'org.hutch.cgroup-driver',
  /** `true`: somebody has asked for limits, so without a cgroup the container does not start. */
  cgroupRequired: 'org.hutch.cgroup-required',
  /** Name of the time zone that was asked for. */
  timeZone: 'org.hutch.time-zone',
  /** Name of the container. */
  name: 'org.hutch.name',
} as const;

/** True when the spec asks for another namespace of this type than the host's. */
export function isPrivate(spec: RuntimeSpec, type: SpecNamespaceType): boolean {
  return spec.linux.namespaces.some((namespace) => namespace.type === type);
}

/** True when the spec asks for a new namespace of this type. */
export function isNew(spec: RuntimeSpec, type: SpecNamespaceType): boolean {
  return spec.linux.namespaces.some((namespace) => namespace.type === type && namespace.path === undefined);
}

/** The id of the container whose network is joined; undefined where none is. */
export function joinedContainer({ linux }: RuntimeSpec): string | undefined {
  const path = linux.namespaces.find(({ type }) => type === 'network')?.path;
  return path?.replace(/^container:/u, '');
}
