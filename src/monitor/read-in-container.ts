/** Reading a file of a running container from outside; in the CLI process, with the rights of the caller. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { O, RESOLVE } from '../linux/flags.ts';
import { openSyscalls } from '../syscall/syscalls.ts';

/**
 * The text of a small plain file at `path` in the tree that begins at the directory `root`, such as a container's; undefined when there is none. The kernel
 * resolves links beneath that, whatever the container does meanwhile.
 */
export function readBeneath(root: string, path: string, maxBytes: number): string | undefined {
  const syscalls = openSyscalls();
  const tree = openSync(root, O.PATH | O.DIRECTORY | O.CLOEXEC);
  try {
    // Not to wait for the other end of a pipe that is called so.
    const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | O.CLOEXEC;
    const fd = syscalls.openat2(tree, path, { flags, resolve: RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS });
    try {
      return readPlain(fd, maxBytes);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  } finally {
    closeSync(tree);
  }
}

function readPlain(fd: number, maxBytes: number): string | undefined {
  const stats = fstatSync(fd);
  if (!stats.isFile() || stats.size > maxBytes) return undefined;
  const buffer = Buffer.alloc(maxBytes);
  let used = 0;
  for (let count = -1; count !== 0 && used < maxBytes; used += count)
    count = readSync(fd, buffer, used, maxBytes - used, null);
  return buffer.toString('utf8', 0, used);
}
