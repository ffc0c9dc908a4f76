/** A pipe for a program that is to be started; in the process that starts it. */
import { closeSync } from 'node:fs';
import { FCNTL, O } from '../linux/flags.ts';
import type { Syscalls } from './syscalls.ts';

/** Above all descriptors that have a meaning in a program. */
const SPARE_FD = 10;

/** Its two ends, to read and to write, marked to be closed on execve(2): startTool() gives the program what it is to have. Throws SyscallError. Source: pipe(2), fcntl(2). */
export function sparePipe(syscalls: Pick<Syscalls, 'pipe2' | 'fcntl'>): [number, number] {
  const ends = syscalls.pipe2(O.CLOEXEC);
  const spare = ends.map((fd) => syscalls.fcntl(fd, FCNTL.DUPFD_CLOEXEC, SPARE_FD)) as [number, number];
  for (const fd of ends) closeSync(fd);
  return spare;
}
