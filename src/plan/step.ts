/** The idea of hutch: what can happen on the way to a container, as typed data. Pure; a plan survives JSON. */
import type { UserNamespace } from '../linux/id-map.ts';
import type { PublishedPort } from '../oci/published-port.ts';
import type { CgroupSetting } from '../oci/cgroup-settings.ts';
import type { Preparation } from '../oci/rootfs-source.ts';

/** Where a step comes from: a pointer into the spec and one plain sentence that says what it is for. */
export interface Why {
  /** JSON-path-like pointer into the runtime spec, such as `mounts[3]`, or `hutch` for what hutch adds itself. */
  readonly spec: string;
  readonly text: string;
}

export type NamespaceName = 'user' | 'pid' | 'mount' | 'uts' | 'ipc' | 'network' | 'cgroup' | 'time';
export type MountAttribute = 'ro' | 'nosuid' | 'nodev' | 'noexec' | 'noatime';

/** What the monitor does for a step takes its time. */
export interface Meanwhile {
  /** The steps that follow are done while it works, up to `await_monitor`; left out, this one waits until all is done that it was asked for. */
  readonly meanwhile?: true;
}

/**
 * Every kind of step and its fields. Paths called `target` or `path` are inside the container's root file system and are
 * resolved beneath it by the kernel; paths called `source`, `lower`, `upper`, `work` or `at` are the host's.
 */
export interface StepFields {
  /** prctl(2) PR_SET_DUMPABLE 0: other processes may not look into this one. */
  readonly set_undumpable: object;
  /** setsid(2): leave the caller's session and so its terminal. */
  readonly setsid: object;
  /** setgroups(2), setresgid(2), setresuid(2): be root of the user namespace. */
  readonly become_root: { readonly clearGroups: boolean };
  /** Write to /proc/self/oom_score_adj: how soon the kernel ends this process and its children when memory is short. */
  readonly set_oom_score: { readonly adjustment: number };
  /** unshare(2): new namespaces of these kinds. */
  readonly unshare: { readonly namespaces: readonly NamespaceName[] };
  /**
   * pidfd_open(2), setns(2): be in namespaces of a process that runs, which must be the one that has started at `startTime`. The pid
   * namespace holds for children only.
   */
  readonly join_namespaces: {
    readonly pid: number;
    /** Clock ticks since boot, as in /proc/PID/stat. */
    readonly startTime: string;
    readonly namespaces: readonly NamespaceName[];
  };
  /**
   * clone(2): a child in the pid namespace that was joined. It does the steps that follow, prepared as a list of system calls.
   * `attached`: it dies with hutch, and its end is told.
   */
  readonly fork: { readonly attached: boolean };
  /** setns(2) by the child: a time namespace takes single-threaded processes only. */
  readonly join_time_namespace: object;
  /** ioctl(2) TIOCSCTTY by the child: stdin is the terminal of its session. */
  readonly take_terminal: object;
  /** mount(2) on `/`: nothing mounted from here on reaches the host. */
  readonly make_slave: object;
  /** Tell the monitor that the namespaces stand, and wait until it has done `what` to them. */
  readonly wait_for: {
    readonly what: 'network' | 'networks' | 'rootfs';
    /**
     * The helper program that does it. For a network it runs on the host's side, `%pid` standing for init's host pid;
     * for a root file system it runs in the outer namespaces of the launch chain. None for `networks`: the hub of the user does that.
     */
    readonly helper: readonly string[];
    /** Names of the user's networks, in the order of the devices eth0, eth1, … */
    readonly networks?: readonly string[];
    /** Those of them that have IPv6 besides IPv4. */
    readonly withIPv6?: readonly string[];
  } & Meanwhile;
  /** Tell the monitor that the network stands, and wait until the network helper listens at ports of the host. */
  readonly publish_ports: { readonly ports: readonly PublishedPort[] } & Meanwhile;
  /**
   * Tell the monitor that the network stands, and wait until it has held `device` to a rate in both directions, by tc(8) from outside:
   * who is to be limited must not have the capabilities for it.
   */
  readonly limit_network: {
    readonly device: string;
    readonly bitsPerSecond: number;
    readonly burstBytes: number;
  } & Meanwhile;
  /** Wait until the monitor has done all that the steps before have asked it for `meanwhile`. */
  readonly await_monitor: object;
  /**
   * Tell the monitor, and wait until this process is in the payload's leaf of the container's cgroups, with the limits on it. Only from outside can
   * it be moved there: the way leads through cgroups that are not the user's.
   */
  readonly join_cgroup: {
    readonly driver: 'systemd' | 'cgroupfs';
    /** The slice, or directory, that the container's subtree is made in. */
    readonly parent: string;
    /** Of the subtree; systemd's scope is called so. */
    readonly name: string;
    /** What is written into the leaf, and read back. */
    readonly settings: readonly CgroupSetting[];
    /** False: where no cgroup can be had any more the container starts without. */
    readonly required: boolean;
    /** Host id of the container's root, to whom a leaf that may be divided is given. */
    readonly owner?: number;
    /** For a program more: the leaf is there already. */
    readonly existing?: true;
  } & Meanwhile;
  /** unshare(2) CLONE_NEWCGROUP: its root is the cgroup that this process is in by now. */
  readonly unshare_cgroup: object;
  /** chdir(2) to `from`, then mount(2) of a kernel overlay at a host path of our own. */
  readonly mount_overlay: {
    readonly from: string;
    readonly lower: readonly string[];
    readonly upper: string;
    readonly work: string;
    readonly options: readonly string[];
    readonly at: string;
  };
  /** mount(2) MS_BIND of a directory that is the root file system already. */
  readonly bind_root: { readonly source: string; readonly at: string };
  /** open(2) O_PATH of the root file system: all later targets are resolved beneath this descriptor. */
  readonly open_root: { readonly at: string };
  /** chdir(2) to `from`, then mount(2) of an overlay over one host directory at a target below the root. */
  readonly overlay_host_directory: {
    readonly from: string;
    readonly lower: string;
    readonly upper: string;
    readonly work: string;
    readonly options: readonly string[];
    readonly target: string;
  };
  /** mkdirat(2) below the root, parents included; existing directories stay as they are. */
  readonly make_directory: { readonly target: string; readonly mode: number };
  /** symlinkat(2) below the root; what is there already stays. */
  readonly make_symlink: { readonly target: string; readonly to: string };
  /** fsopen(2), fsconfig(2), fsmount(2), move_mount(2): a new file system of a kernel type. */
  readonly mount: {
    readonly type: 'proc' | 'sysfs' | 'tmpfs' | 'devpts' | 'mqueue' | 'cgroup2';
    readonly target: string;
    /** Options of the file system; `null` marks a flag without a value. */
    readonly options: Readonly<Record<string, string | null>>;
    readonly attributes: readonly MountAttribute[];
  };
  /** open_tree(2), mount_setattr(2), move_mount(2): show a host file or directory at a target. */
  readonly bind: {
    readonly source: string;
    readonly target: string;
    readonly recursive: boolean;
    readonly attributes: readonly MountAttribute[];
    /** What to make where the target is missing. */
    readonly create: 'file' | 'directory';
  };
  /** /dev/null over a file, an empty read-only tmpfs over a directory; a missing path is left alone. */
  readonly mask: { readonly target: string };
  /** A read-only bind of a path onto itself; a missing path is left alone. */
  readonly make_read_only: { readonly target: string };
  /** mount_setattr(2): the root file system itself becomes read-only, or a part of it that is a mount of its own. */
  readonly make_root_read_only: { readonly target?: string };
  /** Pipes, or a pseudo terminal from the container's own devpts, as the payload's stdin, stdout and stderr. */
  readonly stdio: {
    readonly terminal: boolean;
    /** False: stdin is /dev/null. */
    readonly stdin: boolean;
    readonly uid: number;
    readonly gid: number;
    /** For a program besides the container's own: the terminal is not its console, and `none` discards all output. */
    readonly besides?: 'connected' | 'none';
  };
  /** pivot_root(2), umount2(2): the host's tree is gone. */
  readonly pivot_root: object;
  /** sethostname(2). */
  readonly set_hostname: { readonly hostname: string };
  /** setdomainname(2): the name of an NIS domain. */
  readonly set_domainname: { readonly domainname: string };
  /** ioctl(2) SIOCSIFFLAGS: lo up. */
  readonly loopback_up: object;
  /** Write to /proc/sys. `name` with slashes or dots, as in sysctl(8). */
  readonly sysctl: { readonly name: string; readonly value: string; readonly optional: boolean };
  /** keyctl(2) KEYCTL_JOIN_SESSION_KEYRING: a session keyring of the container's own. */
  readonly join_keyring: { readonly name: string; readonly required: boolean };
  /** prlimit(2). `null` means unlimited. */
  readonly set_rlimit: { readonly resource: string; readonly soft: number | null; readonly hard: number | null };
  /** openat2(2) below the root, fchdir(2), then getcwd(2) as proof; made when it is missing, unless `mustExist`. */
  readonly change_directory: { readonly target: string; readonly mustExist?: true };
  /** prctl(2) PR_CAPBSET_DROP for every capability but these. */
  readonly bound_capabilities: { readonly keep: readonly string[] };
  /** setgroups(2), setresgid(2), setresuid(2): be the payload's user. */
  readonly set_user: {
    readonly uid: number;
    readonly gid: number;
    readonly groups: readonly number[];
    readonly setGroups: boolean;
  };
  /** capset(2) and prctl(2) PR_CAP_AMBIENT_RAISE. */
  readonly set_capabilities: {
    readonly effective: readonly string[];
    readonly permitted: readonly string[];
    readonly inheritable: readonly string[];
    readonly ambient: readonly string[];
  };
  /** prctl(2) PR_SET_NO_NEW_PRIVS. */
  readonly no_new_privileges: object;
  /** umask(2). */
  readonly set_umask: { readonly mask: number };
  /** rt_sigaction(2), rt_sigprocmask(2): every signal back to its default, none blocked. */
  readonly reset_signals: object;
  /** fcntl(2), close_range(2): the payload gets 0, 1, 2 and nothing else. */
  readonly close_descriptors: object;
  /** landlock_create_ruleset(2), landlock_restrict_self(2): only what lies beneath the container's root can be opened. */
  readonly landlock: { readonly scopeAbstractSockets: boolean };
  /** seccomp(2) SECCOMP_SET_MODE_FILTER with a classic BPF program (base64 of struct sock_filter, little endian). */
  readonly seccomp: { readonly profile: string; readonly instructions: number; readonly program: string };
  /** execve(2): the payload takes the place of init. `argv[0]` is looked up in PATH of `env` when it has no slash. */
  readonly execve: { readonly argv: readonly string[]; readonly env: readonly string[] };
}

export type StepKind = keyof StepFields;
/** One step of kind K, or of any kind. */
export type Step<K extends StepKind = StepKind> = {
  [Kind in K]: { readonly kind: Kind; readonly why: Why } & StepFields[Kind];
}[K];
/** One function for each kind; leaving one out is a compile error. */
export type StepTable<R, Extra extends readonly unknown[] = []> = {
  readonly [K in StepKind]: (step: Step<K>, ...extra: Extra) => R;
};

/** Calls the entry of `table` that belongs to the step's kind. */
export function applyTable<R, Extra extends readonly unknown[]>(
  table: StepTable<R, Extra>,
  step: Step,
  ...extra: Extra
): R {
  const entry = table[step.kind] as (step: Step, ...extra: Extra) => R;
  return entry(step, ...extra);
}

/** What a step is about; the explanation is grouped by it. */
export type StepGroup = 'namespaces' | 'mounts' | 'network' | 'limits' | 'security' | 'process';

/**
 * How init is brought into its user and pid namespaces before the first step: by single-threaded programs of the host,
 * since a Node process has threads and unshare(2) refuses CLONE_NEWUSER to those.
 */
export interface Enter {
  /** Outermost first: the user's own space, then (only when ids or networks ask for it) the container's. */
  readonly userNamespaces: readonly [UserNamespace, ...UserNamespace[]];
  readonly pid: 'private' | 'host';
  readonly time: { readonly monotonicSeconds: number; readonly boottimeSeconds: number } | null;
  /**
   * Left out, the user namespaces are new. Else they are those of a container that runs, as its network namespace is to be used, over which
   * nobody has power but in the user namespace that owns it. Source: network_namespaces(7), setns(2).
   */
  readonly network?: { readonly container: string };
  readonly why: Why;
}

export interface Plan {
  readonly version: 1;
  /** What is made on disk first, by the user and outside of any namespace. */
  readonly prepare: Preparation;
  readonly enter: Enter;
  readonly steps: readonly Step[];
}

/** How a running container is entered before the first step: by nsenter(1), into its user namespace and no other of its own. */
export interface Join {
  /** The container's process 1, as the host counts. */
  readonly pid: number;
  /** A process of its launch chain whose mount namespace is the host's tree with a read-only Node; null: a new one like it is made. */
  readonly holder: number | null;
  readonly why: Why;
}

/** A program more in a running container. */
export interface ExecPlan {
  readonly version: 1;
  readonly join: Join;
  readonly steps: readonly Step[];
}
