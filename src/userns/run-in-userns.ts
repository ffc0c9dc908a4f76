/** Running a helper program as root of the user's own user namespace, to its end; started from the host's side. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import { HutchError } from '../errors/hutch-error.ts';
import { requireTool, signalNumber } from '../host/run-tool.ts';
import type { UserNamespace } from '../linux/id-map.ts';
import { chooseMaps } from './choose-maps.ts';
import { writeMaps } from './write-maps.ts';

export interface UsernsProcess {
  readonly child: ChildProcess;
  /** The exit code (128 + signal number when killed), after all pipes have closed. */
  readonly exit: Promise<number>;
}

/**
 * Starts `argv` in a user namespace with the caller's maps and a private mount namespace, as its root: files of subordinate
 * ids can be read, made and removed. The program dies with the caller. `env` is all it gets besides PATH.
 */
export async function spawnInUserns(
  argv: readonly [string, ...string[]],
  options: {
    readonly stdio: readonly (number | 'pipe' | 'ignore')[];
    readonly env?: Readonly<Record<string, string>>;
    /** It gets a network namespace too. */
    readonly network?: boolean;
    /** Run by the host's root: keeps that id, which the namespace has no number for, and with it the right to read root's own files. */
    readonly staysCaller?: boolean;
  },
): Promise<UsernsProcess> {
  const { userNamespace } = await chooseMaps();
  const self = userNamespace.writer === 'self';
  const waitAt = options.stdio.length;
  const wait = `read -r _ <&${String(waitAt)} || exit\nexec ${String(waitAt)}<&-\nexec "$@"`;
  const become = options.staysCaller === true ? [] : ['setpriv', '--reuid=0', '--regid=0', '--clear-groups'];
  const args = [
    '--pdeathsig',
    'KILL',
    requireTool('unshare', 'make a user namespace'),
    '--user',
    '--mount',
    ...(options.network === true ? ['--net'] : []),
    ...(self ? ['--map-root-user', '--'] : ['--keep-caps', '--', 'sh', '-p', '-c', wait, 'hutch-mapped', ...become]),
    ...argv,
  ];
  const child = spawn(requireTool('setpriv', 'start helpers that die with hutch'), args, {
    stdio: self ? [...options.stdio] : [...options.stdio, 'pipe'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', ...options.env },
  });
  const exit = exitOf(child, argv[0]);
  if (self || child.pid === undefined) return { child, exit };
  // Not awaited here: a caller that listens to the pipes must get the child before it can have said anything.
  const mapped = mapOrKill(child, child.pid, userNamespace, child.stdio[waitAt] as Writable);
  const both = mapped.then(() => exit);
  both.catch(() => undefined);
  return { child, exit: both };
}

/** The program starts when it is told on `go` that its maps are written. */
async function mapOrKill(child: ChildProcess, pid: number, userNamespace: UserNamespace, go: Writable): Promise<void> {
  // EPIPE: it has ended, which its exit code says better.
  go.on('error', () => undefined);
  try {
    await writeMaps(pid, userNamespace);
    go.end('\n');
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** The exit code of a child (128 + signal number when killed), after all its pipes have closed. */
export function exitOf(child: ChildProcess, program: string): Promise<number> {
  const exit = new Promise<number>((resolve, reject) => {
    child.on('close', (code, signal) => {
      resolve(code ?? 128 + signalNumber(signal));
    });
    child.on('error', (cause) => {
      reject(new HutchError(`cannot start ${program}: ${cause.message}`, { code: 'HOST_TOOL_FAILED', cause }));
    });
  });
  exit.catch(() => undefined);
  return exit;
}

/** Removes directory trees that hold files of subordinate ids, as root of the user namespace. HOST_TOOL_FAILED with rm's words. */
export async function removeInUserns(paths: readonly string[]): Promise<void> {
  const { child, exit } = await spawnInUserns(['rm', '-rf', '--one-file-system', '--', ...paths], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if ((await exit) === 0) return;
  throw new HutchError(`cannot remove ${paths.join(', ')}: ${stderr.trim()}`, {
    code: 'HOST_TOOL_FAILED',
    hint: 'see whether a process still uses it (fuser -v), then try again',
  });
}
