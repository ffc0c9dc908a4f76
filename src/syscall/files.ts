/** File system calls that Node lacks or rounds: extended attributes, exact times, nodes; in the process that calls. */
import { AT } from '../linux/flags.ts';
import { loadKoffi } from './koffi.ts';
import { SyscallError } from './syscall-error.ts';

/** A moment as the kernel keeps it. */
export interface FileTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

type Call = (...values: (number | bigint | Buffer | null)[]) => number;

/** mknodat(2). Source: the kernel's syscall tables; older C libraries have no such function. */
const MKNODAT: Readonly<Record<string, number>> = { x64: 259, arm64: 33 };

export type FileCalls = ReturnType<typeof openFileCalls>;

/**
 * Binds the calls now: nothing is loaded after a chroot. Paths are bytes as tar archives hold them, in a latin1 string.
 * Every function is synchronous and throws SyscallError.
 */
export function openFileCalls() {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const number = MKNODAT[process.arch];
  if (number === undefined) throw new Error(`hutch has no system call numbers for ${process.arch}`);
  const bind = (name: string, parameters: string[], shownAs = name): Call => {
    const call = libc.func(name, 'int', parameters) as unknown as Call;
    return (...values) => {
      const result = call(...values);
      if (result < 0) throw new SyscallError(shownAs, koffi.errno());
      return result;
    };
  };
  const futimens = bind('futimens', ['int', 'void *']);
  const utimensat = bind('utimensat', ['int', 'void *', 'void *', 'int']);
  const lsetxattr = bind('lsetxattr', ['void *', 'void *', 'void *', 'size_t', 'int']);
  const fsetxattr = bind('fsetxattr', ['int', 'void *', 'void *', 'size_t', 'int']);
  const fremovexattr = bind('fremovexattr', ['int', 'void *']);
  const lremovexattr = bind('lremovexattr', ['void *', 'void *']);
  const llistxattr = bind('llistxattr', ['void *', 'void *', 'size_t']);
  const lgetxattr = bind('lgetxattr', ['void *', 'void *', 'void *', 'size_t']);
  /** As large as the kernel lets a list or a value be. Source: xattr(7). */
  const attribute = Buffer.alloc(65_536);
  const mknodat = bind('syscall', ['long', 'int', 'void *', 'uint', 'ulong'], 'mknodat');
  const times = Buffer.alloc(32);

  return {
    /** Sets both times of an open file. */
    futimens: (fd: number, time: FileTime) => futimens(fd, timespecs(times, time)),
    /** Sets both times of `path` itself, also when it is a symbolic link. */
    lutimens: (path: string, time: FileTime) =>
      utimensat(AT.FDCWD, cString(path), timespecs(times, time), AT.SYMLINK_NOFOLLOW),
    lsetxattr: (path: string, name: string, value: Buffer) =>
      lsetxattr(cString(path), cString(name), value, value.length, 0),
    fsetxattr: (fd: number, name: string, value: Buffer) => fsetxattr(fd, cString(name), value, value.length, 0),
    fremovexattr: (fd: number, name: string) => fremovexattr(fd, cString(name)),
    lremovexattr: (path: string, name: string) => lremovexattr(cString(path), cString(name)),
    /** The names of the attributes of `path` itself, as they are listed: each with a NUL behind it. */
    llistxattr: (path: string) =>
      attribute.toString('latin1', 0, llistxattr(cString(path), attribute, attribute.length)),
    lgetxattr: (path: string, name: string) =>
      Buffer.from(attribute.subarray(0, lgetxattr(cString(path), cString(name), attribute, attribute.length))),
    /** `mode` with the type bits (inode(7)); `device` 0 for all but device nodes. */
    mknod: (path: string, mode: number, device: number) => mknodat(number, AT.FDCWD, cString(path), mode, device),
  };
}

function timespecs(buffer: Buffer, time: FileTime): Buffer {
  for (const offset of [0, 16]) {
    buffer.writeBigInt64LE(BigInt(time.seconds), offset);
    buffer.writeBigInt64LE(BigInt(time.nanoseconds), offset + 8);
  }
  return buffer;
}

function cString(bytes: string): Buffer {
  return Buffer.from(`${bytes}\0`, 'latin1');
}
