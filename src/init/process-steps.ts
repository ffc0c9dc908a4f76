/** How the last steps are done: settings, directory, Landlock, execve; in init, most of them after the pivot. */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { LANDLOCK, O, PR } from '../linux/flags.ts';
import type { Step } from '../plan/step.ts';
import { INIT_WRITES_FD, type InitMessage } from '../protocol/messages.ts';
import { errnoName } from '../syscall/syscall-error.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { about, rootOf, StepError, type Context } from './context.ts';

const ERRNO = constants.errno;

/** A descriptor below the container's /proc, which hutch has mounted itself. */
function openProc(context: Context, path: string, flags: number): number {
  return rootOf(context).open(`/proc/${path}`, flags);
}

function writeProc(context: Context, path: string, value: string): void {
  about(`/proc/${path}`, () => {
    const fd = openProc(context, path, O.WRONLY);
    try {
      writeSync(fd, value);
    } finally {
      closeSync(fd);
    }
  });
}

export function writeSysctl(context: Context, step: Step<'sysctl'>): void {
  const path = step.name.includes('/') ? step.name : step.name.replaceAll('.', '/');
  try {
    writeProc(context, `sys/${path}`, step.value);
  } catch (error) {
    if (!step.optional) throw error;
  }
}

/** In the process's own /proc: that of the host. */
export function setOomScore({ adjustment }: Step<'set_oom_score'>): void {
  about(String(adjustment), () => {
    writeFileSync('/proc/self/oom_score_adj', String(adjustment));
  });
}

export function changeDirectory(context: Context, { target, mustExist }: Step<'change_directory'>): void {
  const { syscalls } = context;
  const root = rootOf(context);
  const fd = mustExist === true ? root.open(target, O.PATH | O.DIRECTORY) : root.openOrMake(target, 'directory');
  syscalls.fchdir(fd);
  syscalls.close(fd);
  // CVE-2024-21626: a directory outside the root shows as "(unreachable)". Asked of the kernel: /proc may be the container's.
  if (!syscalls.getcwd().startsWith('/')) {
    throw new StepError({ syscall: 'fchdir', errno: 'EXDEV', detail: `${target} lies outside the container` });
  }
}

export function knowsCapability(syscalls: Syscalls, number: number): boolean {
  try {
    syscalls.prctl(PR.CAPBSET_READ, number);
    return true;
  } catch {
    return false;
  }
}

export function restrictByLandlock(context: Context, step: Step<'landlock'>): void {
  const ruleset = openLandlockRuleset(context, step);
  if (ruleset !== undefined) context.syscalls.landlock_restrict_self(ruleset);
}

/** A ruleset that allows everything beneath the root of this process; undefined where the kernel has no Landlock. */
export function openLandlockRuleset({ syscalls }: Context, step: Step<'landlock'>): number | undefined {
  const abi = syscalls.landlockAbi();
  if (abi === 0) return undefined;
  const known = LANDLOCK.FS_RIGHTS_BY_ABI;
  const rights = known[Math.min(abi, known.length) - 1] ?? 0;
  const scoped = step.scopeAbstractSockets && abi >= LANDLOCK.SCOPE_ABI ? LANDLOCK.SCOPE_ABSTRACT_UNIX_SOCKET : 0;
  const ruleset = syscalls.landlock_create_ruleset(rights, scoped);
  const slash = openSync('/', O.PATH | O.CLOEXEC);
  syscalls.landlock_add_rule(ruleset, rights, slash);
  closeSync(slash);
  return ruleset;
}

export function sayExecutes(context: Context): void {
  context.say({ event: 'init_executes' });
}

/** Tries each directory of PATH as execvp(3) does; on failure says why by write(2) alone and ends. */
export function execute(context: Context, step: Step<'execve'>): never {
  if (context.last === undefined) {
    context.last = context.syscalls.prepareLastCalls();
    sayExecutes(context);
  }
  const { last } = context;
  const command = step.argv[0] ?? '';
  const errnos: number[] = [];
  for (const path of candidatePaths(command, step.env)) {
    const failed = last.execve(path, step.argv, step.env);
    errnos.push(failed);
    if (!GO_ON_AFTER.includes(failed)) break;
  }
  const errno = verdictOf(errnos);
  const message: InitMessage = {
    event: 'init_failed',
    failure: { index: -1, syscall: 'execve', errno: errnoName(errno), detail: command },
  };
  last.write(INIT_WRITES_FD, Buffer.from(`${JSON.stringify(message)}\n`));
  if (context.executed !== undefined) last.write(context.executed, Buffer.from('!'));
  return last.exit(errno === ERRNO.ENOENT ? 127 : 126);
}

/** After these errnos execvp(3) tries the next directory. */
export const GO_ON_AFTER: readonly number[] = [ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.EACCES];

/** Why no program was executed: execvp(3) remembers a file that may not be executed, and goes on. */
export function verdictOf(errnos: readonly number[]): number {
  return errnos.findLast((errno) => errno !== ERRNO.ENOENT && errno !== ERRNO.ENOTDIR) ?? ERRNO.ENOENT;
}

export function candidatePaths(command: string, env: readonly string[]): string[] {
  if (command.includes('/')) return [command];
  const path =
    env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ??
    '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return path.split(':').map((directory) => `${directory === '' ? '.' : directory}/${command}`);
}
