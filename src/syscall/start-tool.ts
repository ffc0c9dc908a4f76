/** Starting a helper program without Node's own machinery, which takes longer; in the program that calls. */
import { O } from '../linux/flags.ts';
import { loadKoffi } from './koffi.ts';
import { SyscallError } from './syscall-error.ts';

/** No C library's posix_spawn_file_actions_t or posix_spawnattr_t is larger. */
const OPAQUE_BYTES = 512;
/** Source: spawn.h. */
const POSIX_SPAWN = { SETSIGDEF: 0x04, SETSIGMASK: 0x08, SETSID: 0x80 } as const;
/** A sigset_t of the C library with all signals, and with none. */
const [ALL, NONE] = [Buffer.alloc(128, 0xff), Buffer.alloc(128)];

type Call = (...values: unknown[]) => number;

const bound = new Map<string, Call>();

/** Bound when it is first called. */
function call(name: string, types: string, ...values: unknown[]): void {
  let known = bound.get(name);
  if (known === undefined) {
    known = loadKoffi().load(null).func(name, 'int', types.split(','));
    bound.set(name, known);
  }
  const errno = known(...values);
  if (errno !== 0) throw new SyscallError(name, errno);
}

export interface ToolOptions {
  /** Its only variable: PATH. */
  readonly searchPath: string;
  /** Descriptors of this process by the numbers that they have in the program; 0, 1 and 2 are /dev/null where they are left out. */
  readonly descriptors?: Readonly<Record<number, number>>;
  /** It is to have a session of its own. */
  readonly ownSession?: boolean;
}

/**
 * Starts the program at `path`. Returns its pid: it is this process's child, which must wait for it. What is not marked to be closed on execve(2) is
 * inherited. Throws SyscallError when it cannot be executed. Source: posix_spawn(3).
 */
export function startTool(path: string, args: readonly string[], options: ToolOptions): number {
  const [actions, attributes, pid] = [Buffer.alloc(OPAQUE_BYTES), Buffer.alloc(OPAQUE_BYTES), Buffer.alloc(4)];
  const { descriptors = {}, ownSession = false, searchPath } = options;
  call('posix_spawn_file_actions_init', 'void *', actions);
  for (const fd of [0, 1, 2])
    if (descriptors[fd] === undefined)
      call('posix_spawn_file_actions_addopen', 'void *,int,str,int,uint', actions, fd, '/dev/null', O.RDWR, 0);
  for (const [place, fd] of Object.entries(descriptors))
    call('posix_spawn_file_actions_adddup2', 'void *,int,int', actions, fd, Number(place));
  call('posix_spawnattr_init', 'void *', attributes);
  // Node ignores SIGPIPE, and blocks what it leaves alone; a program starts with signals as they are by default.
  call('posix_spawnattr_setsigdefault', 'void *,void *', attributes, ALL);
  call('posix_spawnattr_setsigmask', 'void *,void *', attributes, NONE);
  const flags = POSIX_SPAWN.SETSIGDEF | POSIX_SPAWN.SETSIGMASK | (ownSession ? POSIX_SPAWN.SETSID : 0);
  call('posix_spawnattr_setflags', 'void *,short', attributes, flags);
  const [argv, env] = [
    [path, ...args, null],
    [`PATH=${searchPath}`, null],
  ];
  call('posix_spawn', 'void *,str,void *,void *,char **,char **', pid, path, actions, attributes, argv, env);
  return pid.readInt32LE(0);
}
