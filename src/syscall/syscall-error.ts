/** A system call that failed: which, with what, and the kernel's reason; in any process. */
import { constants } from 'node:os';

const NAME_OF_ERRNO = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Node lists ENOTSUP and EWOULDBLOCK too; the names that man pages use win.
NAME_OF_ERRNO.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP').set(constants.errno.EAGAIN, 'EAGAIN');

/** The name of an errno number, such as `EPERM`. */
export function errnoName(errno: number): string {
  return NAME_OF_ERRNO.get(errno) ?? `errno ${String(errno)}`;
}

/** Thrown by every function of the syscall layer. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly syscall: string;
  readonly errno: number;
  readonly code: string;

  constructor(syscall: string, errno: number) {
    super(`${syscall}: ${errnoName(errno)}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = errnoName(errno);
  }
}
