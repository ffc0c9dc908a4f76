/**
 * The launcher's shell that waits in the user's place for the process that has become a container's monitor; in that monitor. It passes
 * signals on, ends with our exit code, and ends with 0 as soon as we say that the container goes on without it, or has ended so (docs/adr/0012).
 */
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { CLOSE_RANGE_CLOEXEC, O, PR } from '../linux/flags.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { nameMonitor } from './monitor-title.ts';

const VARIABLE = 'HUTCH_SHELL';

/** The pid of the shell, taken out of the environment; undefined when hutch was not started by its launcher. */
export function takeWaitingShell(env: NodeJS.ProcessEnv): number | undefined {
  const pid = /^\d+$/u.test(env[VARIABLE] ?? '') ? Number(env[VARIABLE]) : undefined;
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- it must not reach any child
  delete env[VARIABLE];
  return pid;
}

/**
 * Calls `gone` when the shell has died: the user is not there any more. On the way, what concerns the user's terminal is left to the shell
 * by a session of our own, and our children inherit nothing that we have inherited.
 */
export function watchShell(syscalls: Syscalls, shell: number, gone: () => void): Disposable {
  syscalls.setsid();
  syscalls.close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const hear = (): void => {
    if (process.ppid !== shell) gone();
  };
  process.on('SIGURG', hear);
  syscalls.prctl(PR.SET_PDEATHSIG, constants.signals.SIGURG);
  hear();
  return {
    [Symbol.dispose]: () => {
      process.off('SIGURG', hear);
    },
  };
}

/** Parts from the user: nothing of theirs stays open, and the shell ends with 0. */
export function leaveShell(syscalls: Syscalls, shell: number, name: string): void {
  closeInherited(shell);
  discardStdio(syscalls);
  process.chdir('/');
  nameMonitor(name);
  dismiss(shell);
}

/** All is done and has ended with 0: the user need not wait until the kernel has taken this process apart, which takes a twentieth of a run. */
export function endShell(syscalls: Syscalls, shell: number): void {
  discardStdio(syscalls);
  dismiss(shell);
}

function discardStdio(syscalls: Syscalls): void {
  const nothing = openSync('/dev/null', O.RDWR);
  for (const fd of [0, 1, 2]) syscalls.dup2(nothing, fd);
  if (nothing > 2) closeSync(nothing);
}

function dismiss(shell: number): void {
  try {
    process.kill(shell, 'SIGURG');
  } catch {
    // It has died already.
  }
}

/** What the shell has open at the same number is not ours: it was there before us. */
function closeInherited(shell: number): void {
  for (const name of listDescriptors(`/proc/${String(shell)}/fd`)) {
    const target = targetOf(`/proc/${String(shell)}/fd/${name}`);
    if (Number(name) < 3 || target === undefined || target.startsWith('anon_inode:')) continue;
    if (targetOf(`/proc/self/fd/${name}`) === target) closeSync(Number(name));
  }
}

function listDescriptors(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
