/** How the payload gets its stdin, stdout and stderr and nothing else; in init. */
import { openSync } from 'node:fs';
import { CLOSE_RANGE_CLOEXEC, FCNTL, FS_MAGIC, IOCTL, O } from '../linux/flags.ts';
import type { Step } from '../plan/step.ts';
import { INIT_READS_FD, INIT_WRITES_FD } from '../protocol/messages.ts';
import { awaitStdio, rootOf, StepError, type Context } from './context.ts';
import { cloneTree } from './root.ts';

export function openPipes(context: Context, step: Step<'stdio'>): void {
  const { syscalls } = context;
  const [outRead, outWrite] = syscalls.pipe2(O.CLOEXEC);
  const [errRead, errWrite] = syscalls.pipe2(O.CLOEXEC);
  const input = step.stdin ? syscalls.pipe2(O.CLOEXEC) : undefined;
  const stdin = input?.[0] ?? openNull(context, step);
  // The payload may open /dev/stdout again, so the pipes must belong to its user.
  for (const fd of [outWrite, errWrite, ...(input ?? [])]) syscalls.fchown(fd, step.uid, step.gid);
  [stdin, outWrite, errWrite].forEach((fd, index) => {
    syscalls.dup2(fd, index);
    syscalls.close(fd);
  });
  context.stdioTaken = false;
  context.monitorEnds = [outRead, errRead, ...(input === undefined ? [] : [input[1]])];
  const executed = openExecuted(context, step);
  context.say({ event: 'init_stdio', stdin: input?.[1] ?? null, stdout: outRead, stderr: errRead, executed });
}

/** What is called /dev/null in a running container need not be that; our own stdin is the host's (see launch.ts in the monitor). */
function openNull({ syscalls }: Context, step: Step<'stdio'>): number {
  if (step.besides === undefined) return openSync('/dev/null', O.RDONLY | O.CLOEXEC);
  return syscalls.fcntl(0, FCNTL.DUPFD_CLOEXEC, INIT_WRITES_FD + 1);
}

/** The host's /dev/null as all three. */
export function discardOutput({ syscalls }: Context): void {
  for (const fd of [1, 2]) syscalls.dup2(0, fd);
}

export function openTerminal(context: Context, step: Step<'stdio'>): void {
  const { syscalls } = context;
  const root = rootOf(context);
  const master = root.open('/dev/pts/ptmx', O.RDWR | O.NOCTTY);
  // A running container may have put something else there.
  if (syscalls.fstatfsType(master) !== FS_MAGIC.DEVPTS)
    throw new StepError({ syscall: 'open', errno: 'ENODEV', detail: '/dev/pts/ptmx of the container' });
  syscalls.ioctlBuffer(master, IOCTL.TIOCSPTLCK, Buffer.alloc(4));
  const slave = syscalls.ioctlNumber(master, IOCTL.TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC);
  syscalls.fchown(slave, step.uid, 0xffff_ffff);
  if (step.besides === undefined) makeConsole(context, slave);
  for (const fd of [0, 1, 2]) syscalls.dup2(slave, fd);
  syscalls.close(slave);
  context.stdioTaken = false;
  context.monitorEnds = [master];
  context.say({ event: 'init_stdio', terminal: master, executed: openExecuted(context, step) });
}

/** The terminal of the container's first program is that of its session, and shown at /dev/console. */
function makeConsole(context: Context, slave: number): void {
  const { syscalls } = context;
  syscalls.ioctlNumber(slave, IOCTL.TIOCSCTTY, 0);
  const console = rootOf(context).openOrMake('/dev/console', 'file');
  const tree = cloneTree(syscalls, slave, false);
  syscalls.move_mount(tree, console);
  for (const fd of [console, tree]) syscalls.close(fd);
}

/** The end that the monitor fetches. The other one closes when the payload takes our place. Exec learns it from its child: -1. */
function openExecuted(context: Context, step: Step<'stdio'>): number {
  if (step.besides !== undefined) return -1;
  const [read, write] = context.syscalls.pipe2(O.CLOEXEC);
  context.executed = write;
  return read;
}

export function closeDescriptors(context: Context): void {
  const { syscalls } = context;
  awaitStdio(context);
  for (const fd of [0, 1, 2]) syscalls.fcntl(fd, FCNTL.SETFD, 0);
  syscalls.fcntl(INIT_READS_FD, FCNTL.SETFD, FCNTL.FD_CLOEXEC);
  syscalls.fcntl(INIT_WRITES_FD, FCNTL.SETFD, FCNTL.FD_CLOEXEC);
  syscalls.close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
}
