/** Joining the namespaces of another process; in the program that calls, on its main thread. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { CLONE, CLOSE_RANGE_UNSHARE } from '../linux/flags.ts';
import { SyscallError } from './syscall-error.ts';
import type { Syscalls } from './syscalls.ts';

const HIGHEST_FD = 0xffff_ffff;

/** A process that stays identified after its pid is used again. */
export interface JoinTarget {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/**
 * Joins the namespaces of `flags` (CLONE_NEW…) at once, and returns a pid descriptor of the process. From here on the main thread has a root, a
 * directory and a table of descriptors of its own: what it opens is open nowhere else. ESRCH when the process is another one by now.
 */
export function joinNamespacesOf(syscalls: Syscalls, { pid, startTime }: JoinTarget, flags: number): number {
  syscalls.close_range(HIGHEST_FD, HIGHEST_FD, CLOSE_RANGE_UNSHARE);
  const target = syscalls.pidfd_open(pid);
  // While the descriptor is open, either this pid belongs to that process or to nobody.
  if (startTimeOf(pid) !== startTime) throw new SyscallError('pidfd_open', constants.errno.ESRCH);
  // A mount namespace can be joined only by a thread that shares its root and directory with no other (setns(2)).
  syscalls.unshare(CLONE.FS);
  syscalls.setns(target, flags);
  return target;
}

/** The second field, a name in brackets, may hold anything. Source: proc(5). */
function startTimeOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
