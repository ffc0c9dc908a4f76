/** Flags, requests and magic numbers of the kernel's user interface as data; pure. Sources: the uapi headers of the same names. */

/** clone(2), unshare(2), setns(2). */
export const CLONE = {
  NEWTIME: 0x80,
  FS: 0x200,
  NEWNS: 0x20000,
  NEWCGROUP: 0x02000000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;

/** mount(2), umount2(2). */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  REMOUNT: 0x20,
  BIND: 0x1000,
  REC: 0x4000,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
} as const;
export const MNT_DETACH = 2;

/** mount_setattr(2), fsmount(2). */
export const MOUNT_ATTR = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  NOATIME: 0x10,
} as const;

/** open_tree(2), move_mount(2), fsopen(2), fsconfig(2). */
export const OPEN_TREE = { CLONE: 1, CLOEXEC: 0o2000000 } as const;
export const MOVE_MOUNT = { F_EMPTY_PATH: 0x4, T_EMPTY_PATH: 0x40 } as const;
export const FSOPEN_CLOEXEC = 1;
export const FSMOUNT_CLOEXEC = 1;
export const FSCONFIG = { SET_FLAG: 0, SET_STRING: 1, CMD_CREATE: 6 } as const;

/** open(2), openat2(2). */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  NOCTTY: 0o400,
  TRUNC: 0o1000,
  NONBLOCK: 0o4000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;
export const RESOLVE = {
  NO_XDEV: 0x1,
  NO_MAGICLINKS: 0x2,
  NO_SYMLINKS: 0x4,
  BENEATH: 0x8,
  IN_ROOT: 0x10,
} as const;
export const AT = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, EMPTY_PATH: 0x1000, RECURSIVE: 0x8000 } as const;

/** fcntl(2), close_range(2). */
export const FCNTL = { GETFD: 1, SETFD: 2, GETFL: 3, SETFL: 4, FD_CLOEXEC: 1, DUPFD_CLOEXEC: 1030 } as const;
export const CLOSE_RANGE_CLOEXEC = 4;
export const CLOSE_RANGE_UNSHARE = 2;

/** mmap(2), mprotect(2). */
export const PROT = { READ: 1, WRITE: 2, EXEC: 4 } as const;
/** madvise(2). */
export const MADV_DOFORK = 11;
export const MAP = { SHARED: 0x1, PRIVATE: 0x2, ANONYMOUS: 0x20 } as const;

/** clone(2), besides the namespaces. */
export const CLONE_VFORK = 0x4000;

/** poll(2). */
export const POLL = { IN: 0x1, OUT: 0x4, HUP: 0x10 } as const;

/** prctl(2). */
export const PR = {
  SET_PDEATHSIG: 1,
  SET_DUMPABLE: 4,
  SET_KEEPCAPS: 8,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  SET_NO_NEW_PRIVS: 38,
  CAP_AMBIENT: 47,
  CAP_AMBIENT_RAISE: 2,
  CAP_AMBIENT_CLEAR_ALL: 4,
} as const;

/** capset(2): version 3 header. */
export const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** seccomp(2). */
export const SECCOMP_SET_MODE_FILTER = 1;

/** keyctl(2). */
export const KEYCTL_JOIN_SESSION_KEYRING = 1;

/** ioctl_tty(2), netdevice(7). */
export const IOCTL = {
  TCGETS: 0x5401,
  TCSETS: 0x5402,
  TIOCSCTTY: 0x540e,
  TIOCGWINSZ: 0x5413,
  TIOCSWINSZ: 0x5414,
  TIOCGPTN: 0x80045430,
  TIOCSPTLCK: 0x40045431,
  TIOCGPTPEER: 0x5441,
  SIOCGIFFLAGS: 0x8913,
  SIOCSIFFLAGS: 0x8914,
} as const;
/** Output flag of a terminal: make two characters of a line feed, and the like. */
export const OPOST = 1;
export const IFF_UP = 1;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
/** socket(7). */
export const SOL_SOCKET = 1;
export const SO_PEERCRED = 17;
export const SO_ACCEPTCONN = 30;
export const SOCK_CLOEXEC = 0o2000000;

/** landlock(7). Bits by the ABI that brought them. */
export const LANDLOCK = {
  CREATE_RULESET_VERSION: 1,
  RULE_PATH_BENEATH: 1,
  /** Access rights to files known by each ABI version: index 0 is ABI 1. */
  FS_RIGHTS_BY_ABI: [0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff],
  SCOPE_ABSTRACT_UNIX_SOCKET: 1,
  SCOPE_SIGNAL: 2,
  /** ABI from which scopes exist. */
  SCOPE_ABI: 6,
} as const;

/** statfs(2): f_type. */
export const FS_MAGIC = {
  PROC: 0x9fa0,
  CGROUP2: 0x63677270,
  OVERLAY: 0x794c7630,
  NFS: 0x6969,
  TMPFS: 0x01021994,
  DEVPTS: 0x1cd1,
  SYSFS: 0x62656572,
  CGROUP: 0x27e0eb,
} as const;

/** getrlimit(2): resource names of the runtime spec to numbers. */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;
export type RlimitName = keyof typeof RLIMIT;
