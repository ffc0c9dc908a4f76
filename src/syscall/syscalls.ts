/**
 * The system calls that hutch makes itself, as one typed object over koffi; in the process that calls, on its main thread.
 * Every function is synchronous, throws SyscallError, and is named after its system call (the man page of section 2).
 */
import { constants } from 'node:os';
import {
  AT,
  LINUX_CAPABILITY_VERSION_3,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  IOCTL,
  MOVE_MOUNT,
  SECCOMP_SET_MODE_FILTER,
  KEYCTL_JOIN_SESSION_KEYRING,
  LANDLOCK,
  POLL,
  IFF_UP,
  AF_INET,
  AF_UNIX,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOCK_CLOEXEC,
  SOL_SOCKET,
  SO_ACCEPTCONN,
  SO_PEERCRED,
  AF_NETLINK,
  SOCK_RAW,
} from '../linux/flags.ts';
import { capabilitySets } from './capability-sets.ts';
import { loadKoffi } from './koffi.ts';
import { SyscallError } from './syscall-error.ts';

/** Numbers that differ between architectures, and newer ones that do not. Source: the kernel's syscall tables. */
const NUMBERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: {
    pivot_root: 155,
    capget: 125,
    capset: 126,
    keyctl: 250,
    seccomp: 317,
    rt_sigaction: 13,
    rt_sigprocmask: 14,
    prlimit64: 302,
    mkdirat: 258,
    symlinkat: 266,
    ioctl: 16,
    getcwd: 79,
  },
  arm64: {
    pivot_root: 41,
    capget: 90,
    capset: 91,
    keyctl: 219,
    seccomp: 277,
    rt_sigaction: 134,
    rt_sigprocmask: 135,
    prlimit64: 261,
    mkdirat: 34,
    symlinkat: 36,
    ioctl: 29,
    getcwd: 17,
  },
};
const COMMON_NUMBERS: Readonly<Record<string, number>> = {
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  pidfd_open: 434,
  close_range: 436,
  openat2: 437,
  pidfd_getfd: 438,
  mount_setattr: 442,
  landlock_create_ruleset: 444,
  landlock_add_rule: 445,
  landlock_restrict_self: 446,
};

/** Functions of the C library, with the types of their parameters; each returns int. */
const LIBRARY = {
  prctl: 'int ulong ulong ulong ulong',
  setsid: '',
  setgroups: 'size_t void*',
  setresgid: 'uint uint uint',
  setresuid: 'uint uint uint',
  unshare: 'int',
  mount: 'str str str ulong str',
  umount2: 'str int',
  fchdir: 'int',
  chroot: 'str',
  sethostname: 'str size_t',
  setdomainname: 'str size_t',
  close: 'int',
  fcntl: 'int int long',
  dup2: 'int int',
  fchown: 'int uint uint',
  pipe2: 'void* int',
  fstatfs: 'int void*',
  ioctl: 'int ulong long',
  socket: 'int int int',
  getsockopt: 'int int int void* void*',
  sendto: 'int void* size_t int void* uint',
  recv: 'int void* size_t int',
  bind: 'int void* uint',
  listen: 'int int',
  waitpid: 'int void* int',
  setns: 'int int',
  poll: 'void* ulong int',
  kill: 'int int',
} as const;

/** System calls by number, for those that C libraries of supported systems lack or wrap; types of the parameters after the number. */
const RAW = {
  pivot_root: 'str str',
  openat2: 'int void* void* size_t',
  mkdirat: 'int str uint',
  symlinkat: 'str int str',
  close_range: 'uint uint uint',
  open_tree: 'int str uint',
  move_mount: 'int str int str uint',
  mount_setattr: 'int str uint void* size_t',
  fsopen: 'str uint',
  fsconfig: 'int uint str str int',
  fsmount: 'int uint uint',
  ioctl: 'int ulong void*',
  prlimit64: 'int int void* void*',
  capget: 'void* void*',
  capset: 'void* void*',
  keyctl: 'int str',
  seccomp: 'uint uint void*',
  rt_sigaction: 'int void* void* size_t',
  rt_sigprocmask: 'int void* void* size_t',
  landlock_create_ruleset: 'void* size_t uint',
  landlock_add_rule: 'int uint void* uint',
  landlock_restrict_self: 'int uint',
  pidfd_open: 'int uint',
  pidfd_getfd: 'int int uint',
  getcwd: 'void* size_t',
} as const;

/** What init calls seldom or never. */
const SELDOM = new Set<string>([
  ...[
    'chroot',
    'setdomainname',
    'fchown',
    'getsockopt',
    'sendto',
    'recv',
    'bind',
    'listen',
    'waitpid',
    'setns',
    'poll',
  ],
  ...['kill', 'pidfd_open', 'pidfd_getfd'],
]);

const NOT_THERE: readonly number[] = [constants.errno.ENOENT, constants.errno.ENOTDIR];

/** waitpid(2). */
const WNOHANG = 1;

/** More than an acknowledgement that repeats the message it is for. */
const ROUTE_ANSWER_BYTES = 4096;

type Argument = string | number | bigint | Buffer | Uint8Array | readonly (string | null)[] | null;
type Call = (...values: Argument[]) => number;

/** struct open_how of openat2(2). */
interface OpenHow {
  readonly flags: number;
  readonly mode?: number;
  readonly resolve: number;
}

export type Syscalls = ReturnType<typeof bindSyscalls>;

let opened: Syscalls | undefined;

/** The C library of this process; each function is bound when it is first called, once. Throws a plain Error on an architecture whose numbers hutch does not know. */
export function openSyscalls(): Syscalls {
  return (opened ??= bindSyscalls());
}

function bindSyscalls() {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const numbers = { ...COMMON_NUMBERS, ...NUMBERS[process.arch] };
  if (NUMBERS[process.arch] === undefined) throw new Error(`hutch has no system call numbers for ${process.arch}`);
  const bound = new Map<string, Call>();
  const types = (list: string): string[] =>
    list
      .split(' ')
      .filter((type) => type !== '')
      .map((type) => type.replace('*', ' *'));

  const libraryCall = (name: keyof typeof LIBRARY): Call => {
    const known = bound.get(name);
    if (known !== undefined) return known;
    const call = libc.func(name, 'int', types(LIBRARY[name])) as unknown as Call;
    bound.set(name, call);
    return call;
  };
  const rawCall = (name: keyof typeof RAW): Call => {
    const known = bound.get(`syscall ${name}`);
    if (known !== undefined) return known;
    const call = libc.func('syscall', 'long', ['long', ...types(RAW[name])]) as unknown as Call;
    bound.set(`syscall ${name}`, call);
    return call;
  };
  const library = (name: keyof typeof LIBRARY, ...values: Argument[]): number =>
    checked(name, libraryCall(name)(...values));
  const raw = (name: keyof typeof RAW, ...values: Argument[]): number =>
    checked(name, rawCall(name)(numbers[name] ?? 0, ...values));
  const checked = (name: string, result: number): number => {
    if (result < 0) throw new SyscallError(name, koffi.errno());
    return result;
  };

  const openBelow = (dirfd: number, path: string | Buffer, { flags, mode = 0, resolve }: OpenHow): number => {
    const name = Buffer.concat([Buffer.from(path as string), Buffer.alloc(1)]);
    const how = Buffer.alloc(24);
    how.writeBigUInt64LE(BigInt(flags), 0);
    how.writeBigUInt64LE(BigInt(mode), 8);
    how.writeBigUInt64LE(BigInt(resolve), 16);
    return rawCall('openat2')(numbers['openat2'] ?? 0, dirfd, name, how, how.length);
  };

  return {
    /** Binds now what init is going to call, for a process that has time now and none later. */
    bindAhead: (): void => {
      for (const name of Object.keys(LIBRARY)) if (!SELDOM.has(name)) libraryCall(name as keyof typeof LIBRARY);
      for (const name of Object.keys(RAW)) if (!SELDOM.has(name)) rawCall(name as keyof typeof RAW);
    },
    prctl: (option: number, a = 0, b = 0, c = 0, d = 0) => library('prctl', option, a, b, c, d),
    setsid: () => library('setsid'),
    /** glibc makes these three for all threads. */
    setgroups: (gids: readonly number[]) => library('setgroups', gids.length, uint32Array(gids)),
    setresgid: (gid: number) => library('setresgid', gid, gid, gid),
    setresuid: (uid: number) => library('setresuid', uid, uid, uid),
    unshare: (flags: number) => library('unshare', flags),
    mount: (source: string | null, target: string, type: string | null, flags: number, data: string | null) =>
      library('mount', source, target, type, flags, data),
    /** Joins namespaces of the process behind `pidfd`; the pid namespace is joined by children only. */
    setns: (pidfd: number, flags: number) => library('setns', pidfd, flags),
    umount2: (target: string, flags: number) => library('umount2', target, flags),
    pivot_root: (next: string, old: string) => raw('pivot_root', next, old),
    fchdir: (fd: number) => library('fchdir', fd),
    /** As the kernel says it: "(unreachable)" before a directory outside the root of this process. */
    getcwd: () => {
      const buffer = Buffer.alloc(4096);
      return buffer.toString('utf8', 0, raw('getcwd', buffer, buffer.length) - 1);
    },
    chroot: (path: string) => library('chroot', path),
    sethostname: (name: string) => library('sethostname', name, Buffer.byteLength(name)),
    setdomainname: (name: string) => library('setdomainname', name, Buffer.byteLength(name)),

    /** Opens `path` below `dirfd` as `resolve` says; EAGAIN (a rename raced with us) is tried again. */
    openat2: (dirfd: number, path: string | Buffer, how: OpenHow) =>
      retriedAfter('EAGAIN', () => checked('openat2', openBelow(dirfd, path, how))),
    /** As openat2; undefined where there is nothing, which costs no exception. */
    openat2IfThere: (dirfd: number, path: string, how: OpenHow): number | undefined => {
      const fd = retriedAfter('EAGAIN', () => {
        const result = openBelow(dirfd, path, how);
        return result < 0 && NOT_THERE.includes(koffi.errno()) ? result : checked('openat2', result);
      });
      return fd < 0 ? undefined : fd;
    },
    mkdirat: (dirfd: number, name: string, mode: number) => raw('mkdirat', dirfd, name, mode),
    symlinkat: (to: string, dirfd: number, name: string) => raw('symlinkat', to, dirfd, name),
    close: (fd: number) => library('close', fd),
    fcntl: (fd: number, command: number, value: number) => library('fcntl', fd, command, value),
    dup2: (from: number, to: number) => library('dup2', from, to),
    fchown: (fd: number, uid: number, gid: number) => library('fchown', fd, uid, gid),
    close_range: (first: number, last: number, flags: number) => raw('close_range', first, last, flags),
    pipe2: (flags: number): [number, number] => {
      const fds = Buffer.alloc(8);
      library('pipe2', fds, flags);
      return [fds.readInt32LE(0), fds.readInt32LE(4)];
    },
    /** f_type of the file system that `fd` is on. */
    fstatfsType: (fd: number) => {
      const buffer = Buffer.alloc(256);
      library('fstatfs', fd, buffer);
      return Number(buffer.readBigInt64LE(0));
    },

    open_tree: (dirfd: number, path: string, flags: number) => raw('open_tree', dirfd, path, flags),
    /** Puts the mount or file that `from` holds onto the place that `to` holds. */
    move_mount: (from: number, to: number) =>
      raw('move_mount', from, '', to, '', MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH),
    mount_setattr: (fd: number, change: { set: number; propagation?: number; recursive?: boolean }) => {
      const buffer = Buffer.alloc(32);
      buffer.writeBigUInt64LE(BigInt(change.set), 0);
      buffer.writeBigUInt64LE(BigInt(change.propagation ?? 0), 16);
      const flags = AT.EMPTY_PATH | (change.recursive === true ? AT.RECURSIVE : 0);
      return raw('mount_setattr', fd, '', flags, buffer, buffer.length);
    },
    fsopen: (type: string) => raw('fsopen', type, FSOPEN_CLOEXEC),
    fsconfig: (fd: number, key: string, value: string | null) =>
      raw('fsconfig', fd, value === null ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING, key, value, 0),
    fsconfigCreate: (fd: number) => raw('fsconfig', fd, FSCONFIG.CMD_CREATE, null, null, 0),
    fsmount: (fd: number, attributes: number) => raw('fsmount', fd, FSMOUNT_CLOEXEC, attributes),

    ioctlNumber: (fd: number, request: number, value: number) => library('ioctl', fd, request, value),
    ioctlBuffer: (fd: number, request: number, buffer: Buffer) => raw('ioctl', fd, request, buffer),

    /** prlimit(2) on ourselves; null is RLIM_INFINITY. */
    setrlimit: (resource: number, soft: number | null, hard: number | null) => {
      const buffer = Buffer.alloc(16);
      [soft, hard].forEach((value, index) =>
        buffer.writeBigUInt64LE(value === null ? 2n ** 64n - 1n : BigInt(value), index * 8),
      );
      return raw('prlimit64', 0, resource, buffer, null);
    },
    getrlimit: (resource: number): { soft: number | null; hard: number | null } => {
      const buffer = Buffer.alloc(16);
      raw('prlimit64', 0, resource, null, buffer);
      const read = (offset: number): number | null => {
        const value = buffer.readBigUInt64LE(offset);
        return value === 2n ** 64n - 1n ? null : Number(value);
      };
      return { soft: read(0), hard: read(8) };
    },
    /** capget(2): the permitted set of this thread as a mask. */
    permittedCapabilities: (): bigint => {
      const header = Buffer.alloc(8);
      header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3, 0);
      const data = Buffer.alloc(24);
      raw('capget', header, data);
      return BigInt(data.readUInt32LE(4)) | (BigInt(data.readUInt32LE(16)) << 32n);
    },
    /** capset(2) with masks of capability bits. */
    capset: (effective: bigint, permitted: bigint, inheritable: bigint) =>
      raw('capset', ...capabilitySets(effective, permitted, inheritable)),
    keyctlJoin: (name: string) => raw('keyctl', KEYCTL_JOIN_SESSION_KEYRING, name),
    seccomp: (program: Uint8Array) => {
      const fprog = Buffer.alloc(16);
      fprog.writeUInt16LE(program.length / 8, 0);
      fprog.writeBigUInt64LE(koffi.address(program), 8);
      return raw('seccomp', SECCOMP_SET_MODE_FILTER, 0, fprog);
    },
    /** Signals 1 to 64 to SIG_DFL and an empty mask. Raw, since the C library keeps two signals for itself. */
    resetSignals: () => {
      const action = Buffer.alloc(32);
      for (let signal = 1; signal <= 64; signal += 1) {
        if (signal === 9 || signal === 19) continue;
        raw('rt_sigaction', signal, action, null, 8);
      }
      return raw('rt_sigprocmask', 2, Buffer.alloc(8), null, 8);
    },
    unblockSignals: () => raw('rt_sigprocmask', 2, Buffer.alloc(8), null, 8),

    /** The ABI version of Landlock, 0 where the kernel has none. */
    landlockAbi: () => {
      try {
        return raw('landlock_create_ruleset', null, 0, LANDLOCK.CREATE_RULESET_VERSION);
      } catch (error) {
        if (error instanceof SyscallError) return 0;
        throw error;
      }
    },
    landlock_create_ruleset: (accessFs: number, scoped: number) => {
      const attributes = Buffer.alloc(24);
      attributes.writeBigUInt64LE(BigInt(accessFs), 0);
      attributes.writeBigUInt64LE(BigInt(scoped), 16);
      return raw('landlock_create_ruleset', attributes, scoped === 0 ? 8 : 24, 0);
    },
    landlock_add_rule: (ruleset: number, allowed: number, directory: number) => {
      const attributes = Buffer.alloc(12);
      attributes.writeBigUInt64LE(BigInt(allowed), 0);
      attributes.writeInt32LE(directory, 8);
      return raw('landlock_add_rule', ruleset, LANDLOCK.RULE_PATH_BENEATH, attributes, 0);
    },
    landlock_restrict_self: (ruleset: number) => raw('landlock_restrict_self', ruleset, 0),

    /** netdevice(7): sets IFF_UP on an interface. */
    linkUp: (name: string) => {
      const socket = library('socket', AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const request = Buffer.alloc(40);
      request.write(name, 0, 15, 'latin1');
      try {
        raw('ioctl', socket, IOCTL.SIOCGIFFLAGS, request);
        request.writeUInt16LE(request.readUInt16LE(16) | IFF_UP, 16);
        raw('ioctl', socket, IOCTL.SIOCSIFFLAGS, request);
      } finally {
        library('close', socket);
      }
    },

    /** The uid of the process at the other end of a Unix socket, as it was when it connected. Source: SO_PEERCRED in unix(7). */
    peerUid: (fd: number): number => {
      const credentials = Buffer.alloc(12);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(credentials.length);
      library('getsockopt', fd, SOL_SOCKET, SO_PEERCRED, credentials, length);
      return credentials.readUInt32LE(4);
    },

    /** A NETLINK_ROUTE socket of the network namespace that this thread is in. Source: rtnetlink(7). */
    routeSocket: () => library('socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0),
    /**
     * Sends one message by a NETLINK_ROUTE socket, whichever process opened it, and returns the kernel's answer. The kernel's address is given
     * explicitly: only then are the rights of this process asked alone, not those of who opened the socket. Source: netlink(7), CVE-2014-0181.
     */
    askRoute: (socket: number, message: Buffer): Buffer => {
      const kernel = Buffer.alloc(12);
      kernel.writeUInt16LE(AF_NETLINK, 0);
      library('sendto', socket, message, message.length, 0, kernel, kernel.length);
      const answer = Buffer.alloc(ROUTE_ANSWER_BYTES);
      return answer.subarray(
        0,
        retriedAfter('EINTR', () => library('recv', socket, answer, answer.length, 0)),
      );
    },
    /** Whether a socket listens. Source: SO_ACCEPTCONN in socket(7). */
    isListening: (fd: number): boolean => {
      const value = Buffer.alloc(4);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(value.length);
      library('getsockopt', fd, SOL_SOCKET, SO_ACCEPTCONN, value, length);
      return value.readInt32LE(0) !== 0;
    },
    /** On a socket that listens already it changes how many connections may wait there, and nothing else. */
    listen: (fd: number, backlog: number) => library('listen', fd, backlog),

    pidfd_open: (pid: number) => raw('pidfd_open', pid, 0),
    /** A copy of descriptor `fd` of the process behind `pidfd`. Needs the right to trace it (ptrace(2)). */
    pidfd_getfd: (pidfd: number, fd: number) => raw('pidfd_getfd', pidfd, fd, 0),
    /** As waitpid, without waiting: undefined when it has not ended yet. */
    waitpidNoHang: (pid: number): number | undefined => {
      const status = Buffer.alloc(4);
      return library('waitpid', pid, status, WNOHANG) === 0 ? undefined : exitCode(status);
    },
    /** Waits for a child; its exit code, or 128 and the number of the signal that ended it. */
    waitpid: (pid: number): number => {
      const status = Buffer.alloc(4);
      retriedAfter('EINTR', () => library('waitpid', pid, status, 0));
      return exitCode(status);
    },
    kill: (pid: number, signal: number) => library('kill', pid, signal),
    /** Waits until one of the descriptors can be read or is at its end, but no longer than `timeoutMs`; says for each whether it is so. */
    pollReadable: (fds: readonly number[], timeoutMs = -1) => {
      const asked = pollFds(fds, POLL.IN);
      retriedAfter('EINTR', () => library('poll', asked, fds.length, timeoutMs));
      return pollAnswers(asked);
    },
    /** As pollReadable, but a signal ends it: SyscallError with EINTR. */
    pollReadableOnce: (fds: readonly number[], timeoutMs: number) => {
      const asked = pollFds(fds, POLL.IN);
      library('poll', asked, fds.length, timeoutMs);
      return pollAnswers(asked);
    },
    /** Whether a write(2) of up to PIPE_BUF bytes (a page) to descriptor `fd`, a pipe or a terminal, would not wait now. */
    isWritableNow: (fd: number) => {
      const asked = pollFds([fd], POLL.OUT);
      retriedAfter('EINTR', () => library('poll', asked, 1, 0));
      return asked.readInt16LE(6) === POLL.OUT;
    },
    /** A Unix stream socket that listens at `path`, of at most 107 bytes. Source: unix(7). */
    listenUnix: (path: string, backlog: number): number => {
      const fd = library('socket', AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const address = Buffer.alloc(110);
      address.writeUInt16LE(AF_UNIX, 0);
      address.write(path, 2);
      try {
        library('bind', fd, address, address.length);
        library('listen', fd, backlog);
      } catch (error) {
        library('close', fd);
        throw error;
      }
      return fd;
    },

    /** Binds execve, write and _exit now: after the seccomp filter is on nothing else may be called. */
    prepareLastCalls: () => {
      const execve = libc.func('execve', 'int', ['str', 'char **', 'char **']) as unknown as Call;
      const write = libc.func('write', 'long', ['int', 'void *', 'size_t']) as unknown as Call;
      const exit = libc.func('_exit', 'void', ['int']) as unknown as (code: number) => never;
      return {
        /** Returns only when it failed: the errno. */
        execve: (path: string, argv: readonly string[], env: readonly string[]): number => {
          execve(path, [...argv, null], [...env, null]);
          return koffi.errno();
        },
        write: (fd: number, bytes: Buffer): void => void write(fd, bytes, bytes.length),
        exit,
      };
    },
  };
}

/** struct pollfd, for each. Source: poll(2). */
function pollFds(fds: readonly number[], events: number): Buffer {
  const buffer = Buffer.alloc(fds.length * 8);
  fds.forEach((fd, index) => {
    buffer.writeInt32LE(fd, index * 8);
    buffer.writeInt16LE(events, index * 8 + 4);
  });
  return buffer;
}

function pollAnswers(asked: Buffer): boolean[] {
  return Array.from({ length: asked.length / 8 }, (_, index) => asked.readInt16LE(index * 8 + 6) !== 0);
}

function retriedAfter(code: string, call: () => number): number {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof SyscallError) || error.code !== code || attempt === 99) throw error;
    }
  }
}

function uint32Array(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(Math.max(4, values.length * 4));
  values.forEach((value, index) => buffer.writeUInt32LE(value, index * 4));
  return buffer;
}

/** Source: wait(2). */
function exitCode(status: Buffer): number {
  const word = status.readInt32LE(0);
  return (word & 0x7f) === 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f);
}
