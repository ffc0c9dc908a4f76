/**
 * Paths below a directory in which somebody else renames and links while we read; pack program, chrooted into the store, where a link would lead to
 * the files of other containers. Each directory is opened beneath that one without following any link, and becomes our working directory.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { O, RESOLVE } from '../linux/flags.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

interface Confinement {
  readonly top: string;
  readonly fd: number;
  readonly syscalls: Syscalls;
  /** The directory that we are in, below `top`; null: elsewhere. */
  current: string | null;
}

let confinement: Confinement | undefined;

/** From now on reach() leads to places below `top` only so. */
export function confineBelow(top: string, syscalls: Syscalls): void {
  const fd = openSync(top, O.PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  confinement = { top, fd, syscalls, current: null };
}

/**
 * A path for `path`, to be used at once and without following it itself: its last name, in its directory. Bytes in latin1 strings. Throws SyscallError:
 * ELOOP for a link in the way, ENOENT, ENOTDIR. What lies elsewhere changes for nobody, and is returned as it is.
 */
export function reach(path: string): string {
  if (confinement === undefined || !path.startsWith(`${confinement.top}/`)) return path;
  const below = path.slice(confinement.top.length + 1);
  const at = below.lastIndexOf('/');
  enter(confinement, at === -1 ? '.' : below.slice(0, at));
  return `./${below.slice(at + 1)}`;
}

/** The same for a directory whose names are wanted. */
export function reachInto(directory: string): string {
  return reach(`${directory}/.`);
}

function enter(state: Confinement, directory: string): void {
  if (state.current === directory) return;
  state.current = null;
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;
  const flags = O.PATH | constants.O_DIRECTORY | O.CLOEXEC;
  const fd = state.syscalls.openat2(state.fd, Buffer.from(directory, 'latin1'), { flags, resolve });
  try {
    state.syscalls.fchdir(fd);
    state.current = directory;
  } finally {
    closeSync(fd);
  }
}
