/** The container's root as a descriptor: every path of the image is resolved beneath it by the kernel; in init, before and after the pivot. */
import { fstatSync } from 'node:fs';
import { AT, O, OPEN_TREE, RESOLVE } from '../linux/flags.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

/** Places where an image must not have a symbolic link: what hutch mounts there would land elsewhere. */
const NO_LINKS_AT = ['/proc', '/sys', '/dev'];

export interface Root {
  readonly fd: number;
  /** An O_PATH descriptor of `path`, symbolic links followed as inside the container. Throws SyscallError. */
  open(path: string, flags?: number): number;
  /** As open, but undefined when there is nothing at `path`. */
  openIfThere(path: string): number | undefined;
  /** As open; what is missing is made, parents included. */
  openOrMake(path: string, kind: 'file' | 'directory', mode?: number): number;
}

export function openRoot(syscalls: Syscalls, fd: number): Root {
  const howTo = (path: string, flags: number): { flags: number; resolve: number } => {
    const strict = NO_LINKS_AT.includes(path) ? RESOLVE.NO_SYMLINKS : 0;
    return { flags: flags | O.CLOEXEC, resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS | strict };
  };
  const open = (path: string, flags: number = O.PATH): number => syscalls.openat2(fd, path, howTo(path, flags));
  const openIfThere = (path: string): number | undefined => syscalls.openat2IfThere(fd, path, howTo(path, O.PATH));
  const openOrMake = (path: string, kind: 'file' | 'directory', mode = 0o755): number => {
    const there = openIfThere(path);
    if (there !== undefined) return there;
    const { parent, name } = splitPath(path);
    const parentFd = openOrMake(parent, 'directory');
    try {
      makeChild(parentFd, name, kind, mode);
    } finally {
      syscalls.close(parentFd);
    }
    return open(path);
  };
  const makeChild = (parentFd: number, name: string, kind: 'file' | 'directory', mode: number): void => {
    if (kind === 'directory') syscalls.mkdirat(parentFd, name, mode);
    else
      syscalls.close(
        syscalls.openat2(parentFd, name, {
          flags: O.CREAT | O.EXCL | O.WRONLY | O.NOFOLLOW | O.CLOEXEC,
          mode: 0o644,
          resolve: RESOLVE.BENEATH,
        }),
      );
  };
  return { fd, open, openIfThere, openOrMake };
}

/** The directory part and the last name of an absolute path; the parent of `/a` is `/`. */
export function splitPath(path: string): { parent: string; name: string } {
  const clean = path.replace(/\/+$/u, '');
  const slash = clean.lastIndexOf('/');
  return { parent: slash <= 0 ? '/' : clean.slice(0, slash), name: clean.slice(slash + 1) };
}

/** A detached copy of the mount at a descriptor. */
export function cloneTree(syscalls: Syscalls, fd: number, recursive: boolean): number {
  const flags = OPEN_TREE.CLONE | OPEN_TREE.CLOEXEC | AT.EMPTY_PATH | (recursive ? AT.RECURSIVE : 0);
  return syscalls.open_tree(fd, '', flags);
}

export function isDirectory(fd: number): boolean {
  return fstatSync(fd).isDirectory();
}
