/**
 * The system calls that hutch makes itself, as one typed object over koffi; in the process that calls, on its main thread.
 * Every function is synchronous, throws SyscallError, and is named after its system call (the man page of section 2).
 */
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
  IFF_UP,
  AF_INET,
  SOCK_DGRAM,
  SOCK_CLOEXEC,
} from '../linux/flags.ts';
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

type Argument = string | number | bigint | Buffer | Uint8Array | readonly (string | null)[] | null;
type Call = (...values: Argument[]) => number;

export type Syscalls = ReturnType<typeof openSyscalls>;

/** Binds the C library of this process. Throws a plain Error on an architecture whose numbers hutch does not know. */
export function openSyscalls() {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const numbers = { ...COMMON_NUMBERS, ...NUMBERS[process.arch] };
  if (NUMBERS[process.arch] === undefined) throw new Error(`hutch has no system call numbers for ${process.arch}`);
  const bound = new Map<string, Call>();

  /** A C library function, bound at its first use; negative results become SyscallErrors. */
  const library = (name: string, result: string, parameters: string[], ...values: Argument[]): number => {
    let call = bound.get(name);
    if (call === undefined) bound.set(name, (call = libc.func(name, result, parameters) as unknown as Call));
    return checked(name, call(...values));
  };
  /** A system call by number, for those that C libraries of supported systems lack. */
  const raw = (name: string, parameters: string[], ...values: Argument[]): number => {
    const key = `syscall ${name}`;
    let call = bound.get(key);
    if (call === undefined)
      bound.set(key, (call = libc.func('syscall', 'long', ['long', ...parameters]) as unknown as Call));
    return checked(name, call(numbers[name] ?? 0, ...values));
  };
  const checked = (name: string, result: number): number => {
    if (result < 0) throw new SyscallError(name, koffi.errno());
    return result;
  };

  return {
    prctl: (option: number, a = 0, b = 0, c = 0, d = 0) =>
      library('prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong'], option, a, b, c, d),
    setsid: () => library('setsid', 'int', []),
    /** glibc makes these three for all threads. */
    setgroups: (gids: readonly number[]) =>
      library('setgroups', 'int', ['size_t', 'void *'], gids.length, uint32Array(gids)),
    setresgid: (gid: number) => library('setresgid', 'int', ['uint', 'uint', 'uint'], gid, gid, gid),
    setresuid: (uid: number) => library('setresuid', 'int', ['uint', 'uint', 'uint'], uid, uid, uid),
    unshare: (flags: number) => library('unshare', 'int', ['int'], flags),
    mount: (source: string | null, target: string, type: string | null, flags: number, data: string | null) =>
      library('mount', 'int', ['str', 'str', 'str', 'ulong', 'str'], source, target, type, flags, data),
    umount2: (target: string, flags: number) => library('umount2', 'int', ['str', 'int'], target, flags),
    pivot_root: (next: string, old: string) => raw('pivot_root', ['str', 'str'], next, old),
    fchdir: (fd: number) => library('fchdir', 'int', ['int'], fd),
    chroot: (path: string) => library('chroot', 'int', ['str'], path),
    sethostname: (name: string) => library('sethostname', 'int', ['str', 'size_t'], name, Buffer.byteLength(name)),

    /** Opens `path` below `dirfd` as `resolve` says; EAGAIN (a rename raced with us) is tried again. */
    openat2: (dirfd: number, path: string, how: { flags: number; mode?: number; resolve: number }) => {
      const buffer = Buffer.alloc(24);
      buffer.writeBigUInt64LE(BigInt(how.flags), 0);
      buffer.writeBigUInt64LE(BigInt(how.mode ?? 0), 8);
      buffer.writeBigUInt64LE(BigInt(how.resolve), 16);
      return retried(() => raw('openat2', ['int', 'str', 'void *', 'size_t'], dirfd, path, buffer, buffer.length));
    },
    mkdirat: (dirfd: number, name: string, mode: number) => raw('mkdirat', ['int', 'str', 'uint'], dirfd, name, mode),
    symlinkat: (to: string, dirfd: number, name: string) => raw('symlinkat', ['str', 'int', 'str'], to, dirfd, name),
    close: (fd: number) => library('close', 'int', ['int'], fd),
    fcntl: (fd: number, command: number, value: number) =>
      library('fcntl', 'int', ['int', 'int', 'long'], fd, command, value),
    dup2: (from: number, to: number) => library('dup2', 'int', ['int', 'int'], from, to),
    fchown: (fd: number, uid: number, gid: number) => library('fchown', 'int', ['int', 'uint', 'uint'], fd, uid, gid),
    close_range: (first: number, last: number, flags: number) =>
      raw('close_range', ['uint', 'uint', 'uint'], first, last, flags),
    pipe2: (flags: number): [number, number] => {
      const fds = Buffer.alloc(8);
      library('pipe2', 'int', ['void *', 'int'], fds, flags);
      return [fds.readInt32LE(0), fds.readInt32LE(4)];
    },
    /** f_type of the file system that `fd` is on. */
    fstatfsType: (fd: number) => {
      const buffer = Buffer.alloc(256);
      library('fstatfs', 'int', ['int', 'void *'], fd, buffer);
      return Number(buffer.readBigInt64LE(0));
    },

    open_tree: (dirfd: number, path: string, flags: number) =>
      raw('open_tree', ['int', 'str', 'uint'], dirfd, path, flags),
    /** Puts the mount or file that `from` holds onto the place that `to` holds. */
    move_mount: (from: number, to: number) =>
      raw(
        'move_mount',
        ['int', 'str', 'int', 'str', 'uint'],
        from,
        '',
        to,
        '',
        MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH,
      ),
    mount_setattr: (fd: number, change: { set: number; propagation?: number; recursive?: boolean }) => {
      const buffer = Buffer.alloc(32);
      buffer.writeBigUInt64LE(BigInt(change.set), 0);
      buffer.writeBigUInt64LE(BigInt(change.propagation ?? 0), 16);
      const flags = AT.EMPTY_PATH | (change.recursive === true ? AT.RECURSIVE : 0);
      return raw('mount_setattr', ['int', 'str', 'uint', 'void *', 'size_t'], fd, '', flags, buffer, buffer.length);
    },
    fsopen: (type: string) => raw('fsopen', ['str', 'uint'], type, FSOPEN_CLOEXEC),
    fsconfig: (fd: number, key: string, value: string | null) =>
      raw(
        'fsconfig',
        ['int', 'uint', 'str', 'str', 'int'],
        fd,
        value === null ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING,
        key,
        value,
        0,
      ),
    fsconfigCreate: (fd: number) =>
      raw('fsconfig', ['int', 'uint', 'str', 'str', 'int'], fd, FSCONFIG.CMD_CREATE, null, null, 0),
    fsmount: (fd: number, attributes: number) =>
      raw('fsmount', ['int', 'uint', 'uint'], fd, FSMOUNT_CLOEXEC, attributes),

    ioctlNumber: (fd: number, request: number, value: number) =>
      library('ioctl', 'int', ['int', 'ulong', 'long'], fd, request, value),
    ioctlBuffer: (fd: number, request: number, buffer: Buffer) =>
      raw('ioctl', ['int', 'ulong', 'void *'], fd, request, buffer),

    /** prlimit(2) on ourselves; null is RLIM_INFINITY. */
    setrlimit: (resource: number, soft: number | null, hard: number | null) => {
      const buffer = Buffer.alloc(16);
      [soft, hard].forEach((value, index) =>
        buffer.writeBigUInt64LE(value === null ? 2n ** 64n - 1n : BigInt(value), index * 8),
      );
      return raw('prlimit64', ['int', 'int', 'void *', 'void *'], 0, resource, buffer, null);
    },
    getrlimit: (resource: number): { soft: number | null; hard: number | null } => {
      const buffer = Buffer.alloc(16);
      raw('prlimit64', ['int', 'int', 'void *', 'void *'], 0, resource, null, buffer);
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
      raw('capget', ['void *', 'void *'], header, data);
      return BigInt(data.readUInt32LE(4)) | (BigInt(data.readUInt32LE(16)) << 32n);
    },
    /** capset(2) with masks of capability bits. */
    capset: (effective: bigint, permitted: bigint, inheritable: bigint) => {
      const header = Buffer.alloc(8);
      header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3, 0);
      const data = Buffer.alloc(24);
      [effective, permitted, inheritable].forEach((mask, index) => {
        data.writeUInt32LE(Number(mask & 0xffff_ffffn), index * 4);
        data.writeUInt32LE(Number(mask >> 32n), 12 + index * 4);
      });
      return raw('capset', ['void *', 'void *'], header, data);
    },
    keyctlJoin: (name: string) => raw('keyctl', ['int', 'str'], KEYCTL_JOIN_SESSION_KEYRING, name),
    seccomp: (program: Uint8Array) => {
      const fprog = Buffer.alloc(16);
      fprog.writeUInt16LE(program.length / 8, 0);
      fprog.writeBigUInt64LE(koffi.address(program), 8);
      return raw('seccomp', ['uint', 'uint', 'void *'], SECCOMP_SET_MODE_FILTER, 0, fprog);
    },
    /** Signals 1 to 64 to SIG_DFL and an empty mask. Raw, since the C library keeps two signals for itself. */
    resetSignals: () => {
      const action = Buffer.alloc(32);
      for (let signal = 1; signal <= 64; signal += 1) {
        if (signal === 9 || signal === 19) continue;
        raw('rt_sigaction', ['int', 'void *', 'void *', 'size_t'], signal, action, null, 8);
      }
      return raw('rt_sigprocmask', ['int', 'void *', 'void *', 'size_t'], 2, Buffer.alloc(8), null, 8);
    },

    /** The ABI version of Landlock, 0 where the kernel has none. */
    landlockAbi: () => {
      try {
        return raw('landlock_create_ruleset', ['void *', 'size_t', 'uint'], null, 0, LANDLOCK.CREATE_RULESET_VERSION);
      } catch (error) {
        if (error instanceof SyscallError) return 0;
        throw error;
      }
    },
    landlock_create_ruleset: (accessFs: number, scoped: number) => {
      const attributes = Buffer.alloc(24);
      attributes.writeBigUInt64LE(BigInt(accessFs), 0);
      attributes.writeBigUInt64LE(BigInt(scoped), 16);
      return raw('landlock_create_ruleset', ['void *', 'size_t', 'uint'], attributes, scoped === 0 ? 8 : 24, 0);
    },
    landlock_add_rule: (ruleset: number, allowed: number, directory: number) => {
      const attributes = Buffer.alloc(12);
      attributes.writeBigUInt64LE(BigInt(allowed), 0);
      attributes.writeInt32LE(directory, 8);
      return raw(
        'landlock_add_rule',
        ['int', 'uint', 'void *', 'uint'],
        ruleset,
        LANDLOCK.RULE_PATH_BENEATH,
        attributes,
        0,
      );
    },
    landlock_restrict_self: (ruleset: number) => raw('landlock_restrict_self', ['int', 'uint'], ruleset, 0),

    /** netdevice(7): sets IFF_UP on an interface. */
    linkUp: (name: string) => {
      const socket = library('socket', 'int', ['int', 'int', 'int'], AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const request = Buffer.alloc(40);
      request.write(name, 0, 15, 'latin1');
      try {
        raw('ioctl', ['int', 'ulong', 'void *'], socket, IOCTL.SIOCGIFFLAGS, request);
        request.writeUInt16LE(request.readUInt16LE(16) | IFF_UP, 16);
        raw('ioctl', ['int', 'ulong', 'void *'], socket, IOCTL.SIOCSIFFLAGS, request);
      } finally {
        library('close', 'int', ['int'], socket);
      }
    },

    pidfd_open: (pid: number) => raw('pidfd_open', ['int', 'uint'], pid, 0),
    /** A copy of descriptor `fd` of the process behind `pidfd`. Needs the right to trace it (ptrace(2)). */
    pidfd_getfd: (pidfd: number, fd: number) => raw('pidfd_getfd', ['int', 'int', 'uint'], pidfd, fd, 0),
    /** Collects a dead child without waiting; 0 when it is not dead yet. */
    waitpidNoHang: (pid: number) => {
      const status = Buffer.alloc(4);
      return library('waitpid', 'int', ['int', 'void *', 'int'], pid, status, 1);
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

function retried(call: () => number): number {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof SyscallError) || error.code !== 'EAGAIN' || attempt === 99) throw error;
    }
  }
}

function uint32Array(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(Math.max(4, values.length * 4));
  values.forEach((value, index) => buffer.writeUInt32LE(value, index * 4));
  return buffer;
}
