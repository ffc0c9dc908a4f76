/** How the payload gets its stdin, stdout and stderr and nothing else; in init. */
import { openSync } from 'node:fs';
import { CLOSE_RANGE_CLOEXEC, FCNTL, IOCTL, O } from '../linux/flags.ts';
import type { Step } from '../plan/step.ts';
import { INIT_READS_FD, INIT_WRITES_FD } from '../protocol/messages.ts';
import { rootOf, waitForMessage, type Context } from './context.ts';
import { cloneTree } from './root.ts';

export function openPipes(context: Context, step: Step<'stdio'>): void {
  const { syscalls } = context;
  const [outRead, outWrite] = syscalls.pipe2(O.CLOEXEC);
  const [errRead, errWrite] = syscalls.pipe2(O.CLOEXEC);
  const input = step.stdin ? syscalls.pipe2(O.CLOEXEC) : undefined;
  const stdin = input?.[0] ?? openSync('/dev/null', O.RDONLY | O.CLOEXEC);
  // The payload may open /dev/stdout again, so the pipes must belong to its user.
  for (const fd of [outWrite, errWrite, ...(input ?? [])]) syscalls.fchown(fd, step.uid, step.gid);
  [stdin, outWrite, errWrite].forEach((fd, index) => {
    syscalls.dup2(fd, index);
    syscalls.close(fd);
  });
  context.stdioTaken = false;
  const executed = openExecuted(context);
  context.say({ event: 'init_stdio', stdin: input?.[1] ?? null, stdout: outRead, stderr: errRead, executed });
}

export function openTerminal(context: Context, step: Step<'stdio'>): void {
  const { syscalls } = context;
  const root = rootOf(context);
  const master = root.open('/dev/pts/ptmx', O.RDWR | O.NOCTTY);
  syscalls.ioctlBuffer(master, IOCTL.TIOCSPTLCK, Buffer.alloc(4));
  const slave = syscalls.ioctlNumber(master, IOCTL.TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC);
  syscalls.fchown(slave, step.uid, 0xffff_ffff);
  syscalls.ioctlNumber(slave, IOCTL.TIOCSCTTY, 0);
  const console = root.openOrMake('/dev/console', 'file');
  const tree = cloneTree(syscalls, slave, false);
  syscalls.move_mount(tree, console);
  for (const fd of [0, 1, 2]) syscalls.dup2(slave, fd);
  for (const fd of [slave, console, tree]) syscalls.close(fd);
  context.stdioTaken = false;
  context.say({ event: 'init_stdio', terminal: master, executed: openExecuted(context) });
}

/** The end that the monitor fetches. The other one closes when the payload takes our place. */
function openExecuted(context: Context): number {
  const [read, write] = context.syscalls.pipe2(O.CLOEXEC);
  context.executed = write;
  return read;
}

export function closeDescriptors(context: Context): void {
  const { syscalls } = context;
  if (!context.stdioTaken) waitForMessage(context, 'monitor_took_stdio');
  for (const fd of [0, 1, 2]) syscalls.fcntl(fd, FCNTL.SETFD, 0);
  syscalls.fcntl(INIT_READS_FD, FCNTL.SETFD, FCNTL.FD_CLOEXEC);
  syscalls.fcntl(INIT_WRITES_FD, FCNTL.SETFD, FCNTL.FD_CLOEXEC);
  syscalls.close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
}
