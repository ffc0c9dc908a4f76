/** What to do about a failed step: one table of step kind and errno; pure. Sources: the manual pages of the calls. */
import type { StepKind } from './step.ts';

/** Facts that a hint can name. */
export interface HintFacts {
  /** What the call was about, as a rule a path. */
  readonly detail?: string;
  /** True when `detail` is a place in the container, not on the host. */
  readonly isTarget?: boolean;
}

type Remedy = string | ((detail: string) => string);
type Remedies = Readonly<Record<string, Remedy>>;

/** Sentence for a pair that the tables do not know. */
const GENERAL =
  'run `hutch doctor`, which tries each part of a container by itself, and `hutch plan` to read what the step is for';

const OVERLAY: Remedies = {
  EINVAL:
    'the kernel refuses overlay mounts with these directories, as it does while another file system is mounted below one of them: choose --storage-driver fuse-overlayfs or vfs',
  EPERM: 'this kernel does not let users mount overlays: choose --storage-driver fuse-overlayfs or vfs',
  ENODEV:
    'the kernel has no overlay file system (an admin can try: modprobe overlay): choose --storage-driver fuse-overlayfs or vfs',
  ENOENT: 'a layer or directory of the container is gone from the store: remove the container and run the image again',
  ESTALE: 'the upper directory was used with other layers: remove the container and run the image again',
  EBUSY: 'the upper directory is in use by another mount: stop the container that uses it',
  ELOOP: 'the image has too many layers for one overlay mount: choose --storage-driver vfs',
};

const COVER: Remedies = {
  EPERM: 'the path cannot be covered on this host: leave it out with --security-opt unmask=PATH',
  ELOOP: (detail) =>
    `the image has a symbolic link at ${detail} where hutch must not follow one: use an image without it`,
};

const PLACE: Remedies = {
  EROFS: (detail) =>
    `${detail} is missing and its file system is read-only: add the directory to the image, or leave out --read-only`,
  ENOTDIR: (detail) => `a part of the path ${detail} is a file in the image: choose another path`,
  ELOOP: (detail) =>
    `the image has a symbolic link at ${detail} where hutch must not follow one: use an image without it`,
  EACCES: (detail) =>
    `the owner of ${detail} has no id in this container: use an image unpacked by hutch, or a directory of your own`,
  EOVERFLOW: (detail) =>
    `the owner of ${detail} has no id in this container: use an image unpacked by hutch, or a directory of your own`,
  EEXIST: (detail) => `there is something else at ${detail} in the image: choose another path`,
};

const IDS: Remedies = {
  EINVAL: (detail) =>
    `the id ${detail} is not mapped into the container: use a lower id, or get subordinate ids (an admin adds a range to /etc/subuid and /etc/subgid)`,
  EPERM: 'setgroups(2) is denied where only one id is mapped: ask an admin for a range in /etc/subuid and /etc/subgid',
  EAGAIN:
    'the user has reached the limit of processes: raise it with --ulimit nproc=…, or end other processes of yours',
};

const NO_SECCOMP =
  'this kernel has no seccomp filters: run with --security-opt seccomp=unconfined only if you trust the image';

const NAMESPACES: Remedies = {
  EPERM:
    'this host restricts user namespaces (AppArmor, a sysctl or a seccomp filter around hutch): `hutch doctor` names the setting',
  ENOSPC:
    'the limit of namespaces is reached (user.max_*_namespaces): end other containers, or ask an admin to raise it',
  EUSERS:
    'the limit of namespaces is reached (user.max_*_namespaces): end other containers, or ask an admin to raise it',
  EINVAL: 'the kernel lacks one of these namespaces: share it with the host, such as by --cgroupns=host or --ipc=host',
};

const BY_KIND: Partial<Readonly<Record<StepKind, Remedies>>> = {
  become_root: IDS,
  unshare: NAMESPACES,
  unshare_cgroup: NAMESPACES,
  join_namespaces: {
    ESRCH: 'the container has ended meanwhile: see `hutch ps -a`',
    ENOENT: 'the container has ended meanwhile: see `hutch ps -a`',
    EPERM:
      'one of its namespaces belongs to another user namespace, which hutch may not join: start hutch where the container was started from',
    EINVAL:
      'the kernel cannot join these namespaces by a process (it needs Linux 5.8): `hutch doctor` tells its version',
  },
  fork: {
    ENOMEM: 'the container has ended meanwhile, or the host is out of memory: see `hutch ps -a`',
    EAGAIN: 'the user has reached the limit of processes: end other processes of yours',
  },
  join_cgroup: { EPIPE: 'the monitor has ended: its log file in the state directory of the container says why' },
  await_monitor: { EPIPE: 'the monitor has ended: its log file in the state directory of the container says why' },
  wait_for: { EPIPE: 'the monitor has ended: its log file in the state directory of the container says why' },
  publish_ports: { EPIPE: 'the monitor has ended: its log file in the state directory of the container says why' },
  limit_network: { EPIPE: 'the monitor has ended: its log file in the state directory of the container says why' },
  mount_overlay: OVERLAY,
  overlay_host_directory: OVERLAY,
  bind_root: {
    ENOENT: (detail) => `${detail} is gone: remove the container and run the image again`,
    EACCES: (detail) =>
      `${detail} cannot be entered by the ids of the container: chmod o+x each directory on the way to it`,
  },
  open_root: { ENOENT: (detail) => `${detail} is gone: remove the container and run the image again` },
  make_directory: PLACE,
  make_symlink: PLACE,
  mount: {
    ...PLACE,
    EPERM:
      'a new proc or sysfs is refused where the host has covered parts of its own (hutch inside another container): share the namespace by --pid=host or --net=host; mqueue needs an ipc namespace of its own',
    EBUSY:
      'proc or sysfs of the host has covered parts (hutch inside another container): share the namespace by --pid=host or --net=host',
    EINVAL:
      'the file system does not know one of its options, an id in them is not mapped (gid=5 of devpts needs subordinate ids), or its place is a file in the image',
    ENODEV: 'the kernel has no such file system: leave the mount out',
  },
  bind: {
    ...PLACE,
    ENOENT: (detail) => `${detail} does not exist on the host: make it first, or correct the path of -v`,
    EINVAL:
      'a directory can be put only on a directory and a file only on a file; and a source with mounts that may not be taken apart must be bound by its parent directory',
    EPERM: 'the source is mounted with flags that may not be taken back: leave out the option that asks for it',
  },
  mask: COVER,
  make_read_only: COVER,
  stdio: {
    ENOENT: 'the container has no /dev/pts: -t needs the devpts that hutch mounts, so do not cover /dev with a volume',
    EIO: 'the container has no /dev/pts: -t needs the devpts that hutch mounts, so do not cover /dev with a volume',
  },
  pivot_root: {
    EINVAL:
      'the root cannot be moved (hutch started from an initramfs, or in a chroot): start hutch from a system booted from disk',
    EPERM: 'hutch was started in a chroot, where pivot_root(2) is refused: start it outside',
  },
  set_hostname: {
    EINVAL: (detail) => `the host name ${detail} is longer than 64 bytes: choose a shorter one with -h`,
    EPERM: 'a host name of its own needs a uts namespace: leave out -h, or --uts=host',
  },
  set_domainname: {
    EPERM: 'a domain name of its own needs a uts namespace: leave out --domainname, or --uts=host',
  },
  set_oom_score: {
    EACCES: (detail) =>
      `${detail} is below what hutch itself was given (cat /proc/self/oom_score_adj), which only root may go below: make the container with a higher --oom-score-adj`,
  },
  loopback_up: { EPERM: 'a network namespace of its own is needed: use --net none' },
  sysctl: {
    EACCES: (detail) =>
      `${detail} does not belong to a namespace of the container, so no user may set it: leave out this --sysctl`,
    EPERM: (detail) =>
      `${detail} does not belong to a namespace of the container, so no user may set it: leave out this --sysctl`,
    EROFS: (detail) => `${detail} is read-only on this host: leave out this --sysctl`,
    ENOENT: (detail) => `${detail} does not exist in this kernel: correct the name, or leave out this --sysctl`,
    EINVAL: (detail) => `${detail} does not take this value: correct it`,
  },
  join_keyring: {
    EDQUOT:
      'your quota of kernel keys is used up (/proc/key-users): end other containers, or keep the default seccomp profile, which needs no keyring',
    ENOSYS: 'the kernel has no keyrings: keep the default seccomp profile, which needs none',
  },
  set_rlimit: {
    EPERM: (detail) =>
      `your own hard limit for ${detail} is lower (see \`ulimit -H -a\`): ask for no more with --ulimit`,
    EINVAL: (detail) => `the soft limit for ${detail} is above the hard limit: correct --ulimit`,
  },
  change_directory: {
    ...PLACE,
    ENOENT: (detail) =>
      `there is no directory ${detail} in the container: make it there first, or choose another with -w`,
    EACCES: (detail) =>
      `the user of the container may not enter ${detail}: choose another directory with -w, or another user with -u`,
    EXDEV: (detail) => `${detail} leads out of the container: choose another directory with -w`,
    ELOOP: (detail) => `${detail} goes through a link that hutch must not follow: choose another directory with -w`,
  },
  bound_capabilities: { EINVAL: 'this kernel does not know one of the capabilities: leave it out of --cap-add' },
  set_user: IDS,
  set_capabilities: {
    EPERM: 'a capability is asked for that the bounding set lacks: add it with --cap-add',
    EINVAL: 'this kernel does not know one of the capabilities: leave it out of --cap-add',
  },
  landlock: { EINVAL: 'the kernel and hutch disagree about Landlock: report it with the output of `hutch info`' },
  seccomp: {
    EINVAL: NO_SECCOMP,
    ENOSYS: NO_SECCOMP,
    EACCES: 'a filter needs no-new-privileges or CAP_SYS_ADMIN: leave out --security-opt no-new-privileges=false',
    ENOMEM: 'the filter is too long for the kernel (32768 instructions): use a shorter profile',
  },
  execve: {
    ENOENT:
      'check the name, the PATH of the image, and for a script or a dynamic program that its interpreter is there too',
    ENOTDIR: 'check the path of the command: a part of it is a file',
    EACCES: 'check its permissions (chmod +x), that it is no directory, and that its file system is not mounted noexec',
    EPERM: 'check its permissions, and that its file system is not mounted nosuid while it needs file capabilities',
    ENOEXEC: 'it was built for another processor, or a script lacks its #! line',
    ELOOP: 'the command is a symbolic link that leads to itself: correct the image',
    E2BIG: 'arguments and environment together are too long for the kernel: pass less by -e and --env-file',
    ETXTBSY: 'the program is open for writing: wait until that ends, and run again',
    ENOMEM: 'the host is out of memory: end other programs, or lift --memory',
  },
};

const BY_ERRNO: Remedies = {
  ENOSPC: 'the disk or its quota is full: free space (`hutch rm`, `hutch rmi`), or move the store with XDG_DATA_HOME',
  EDQUOT: 'your disk quota is used up: free space (`hutch rm`, `hutch rmi`), or move the store with XDG_DATA_HOME',
  ENAMETOOLONG: 'a path has 4095 bytes at most, and each name in it 255: shorten it',
  EMFILE: 'too many open files: raise `ulimit -n` where hutch is started',
  ENFILE: 'the whole host has too many open files: end other programs, or ask an admin to raise fs.file-max',
  ENOMEM: 'the host is out of memory: end other programs and run again',
  ENOSYS:
    'the kernel is too old for hutch, which needs Linux 5.12, or a filter around hutch hides the call: `hutch doctor` tells which',
  EROFS: 'the file system is read-only: put the store elsewhere with XDG_DATA_HOME',
  EIO: "a disk or its file system is failing: look into the kernel's log (dmesg)",
};

/** Nothing can be made where a target is missing. */
const MISSING_TARGET: Remedies = {
  ENOENT: (detail) =>
    `${detail} is not there and its file system takes no new files (proc, sysfs): choose another path`,
};

/**
 * One sentence that says what a user can do about a step that failed with `errno` (a name such as `EPERM`).
 * The most particular one wins: kind and errno, then errno alone, then a general one.
 */
export function hintForStep(kind: StepKind, errno: string, facts: HintFacts = {}): string {
  const byTarget = facts.isTarget === true ? MISSING_TARGET : undefined;
  const remedy = lookUp(byTarget, errno) ?? lookUp(BY_KIND[kind], errno) ?? lookUp(BY_ERRNO, errno) ?? GENERAL;
  return typeof remedy === 'string'
    ? remedy
    : remedy(facts.detail === undefined || facts.detail === '' ? 'it' : facts.detail);
}

// Errno names come from the kernel's side of a pipe: `constructor` must not find anything.
function lookUp(remedies: Remedies | undefined, errno: string): Remedy | undefined {
  return remedies !== undefined && Object.hasOwn(remedies, errno) ? remedies[errno] : undefined;
}
