/** Room for more than one waiting connection at the sockets of slirp4netns; in the monitor, on the host's side. */
import { readdirSync, readlinkSync } from 'node:fs';
import { SyscallError } from '../syscall/syscall-error.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

/** The kernel takes the smaller of it and net.core.somaxconn, which is 4096 by default. Source: listen(2). */
const BACKLOG = 4096;

/**
 * Lets up to 4096 connections wait at each socket at which process `pid`, the host's, listens; returns at how many sockets. libslirp lets one wait:
 * when several clients come at once, the kernel drops the last packet of a handshake, and a client that waits for the server to speak waits for ever
 * (docs/adr/0017). A backlog belongs to the socket, so a copy of the descriptor will do. Without the right to copy it (ptrace(2)), as where
 * Yama forbids that, or when the process has gone, all stays as it was.
 */
export function deepenBacklogs(syscalls: Syscalls, pid: number): number {
  try {
    const pidfd = syscalls.pidfd_open(pid);
    try {
      return socketsOf(pid).filter((fd) => deepen(syscalls, syscalls.pidfd_getfd(pidfd, fd))).length;
    } finally {
      syscalls.close(pidfd);
    }
  } catch (error) {
    if (error instanceof SyscallError && ['EPERM', 'ESRCH', 'EBADF'].includes(error.code)) return 0;
    throw error;
  }
}

function deepen(syscalls: Syscalls, fd: number): boolean {
  try {
    if (!syscalls.isListening(fd)) return false;
    syscalls.listen(fd, BACKLOG);
    return true;
  } finally {
    syscalls.close(fd);
  }
}

/** Source: /proc/PID/fd in proc(5). */
function socketsOf(pid: number): number[] {
  const directory = `/proc/${String(pid)}/fd`;
  return namesIn(directory)
    .filter((name) => isSocket(`${directory}/${name}`))
    .map(Number);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    return false;
  }
}
