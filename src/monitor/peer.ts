/** Who is at the other end of a socket; in the monitor. */
import type { Socket } from 'node:net';
import type { Syscalls } from '../syscall/syscalls.ts';

/** True when the process at the other end runs as our own user. The file's mode says so too; this holds whatever became of it. */
export function isSocketOfOurs(syscalls: Syscalls, socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } };
  return handle?.fd !== undefined && handle.fd >= 0 && syscalls.peerUid(handle.fd) === process.getuid?.();
}
