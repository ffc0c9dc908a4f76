/** A file or a tree as it lies in the file systems in sight; send program. Paths are bytes in latin1 strings. */
import { closeSync, constants, openSync, realpathSync } from 'node:fs';
import { HutchError } from '../errors/hutch-error.ts';
import { FS_MAGIC } from '../linux/flags.ts';
import type { SendRequest } from '../protocol/copy.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import type { ArchiveOutput } from './archive-output.ts';
import { bytesOf, namesIn, statOf } from './merged-directory.ts';

export interface SendCounts {
  readonly entries: number;
  readonly leftOut: number;
}

/** File systems that hold no files of anybody: views of the kernel, without end and without use elsewhere. */
const VIEWS: readonly number[] = [FS_MAGIC.PROC, FS_MAGIC.SYSFS, FS_MAGIC.CGROUP, FS_MAGIC.CGROUP2, FS_MAGIC.DEVPTS];

/** Sends `path`. PATH_INVALID when it is not there. A directory on which the kernel shows itself (proc, sysfs) is sent empty. */
export function sendFiles(request: SendRequest, archive: ArchiveOutput, syscalls: Syscalls): SendCounts {
  const counts = { entries: 0, leftOut: 0 };
  const add = (name: string, path: string): boolean => {
    const stats = statOf(path);
    // It was there a moment ago: the tree is in use.
    if (stats === undefined) return false;
    const isAdded = archive.add(name, { path, stats });
    if (isAdded === true) counts.entries += 1;
    else if (isAdded === false) counts.leftOut += 1;
    return stats.isDirectory();
  };
  const walk = (name: string, path: string): void => {
    if (!add(name, path) || isView(path, syscalls)) return;
    for (const child of namesIn(path).sort()) walk(`${name}/${child}`, path === '/' ? `/${child}` : `${path}/${child}`);
  };
  const path = resolve(request);
  const stats = statOf(path);
  if (stats === undefined) throw missing(request.path);
  if (request.needsDirectory && !stats.isDirectory()) throw noDirectory(request.path);
  walk(Buffer.from(request.name ?? '.').toString('latin1'), path);
  if (counts.entries + counts.leftOut === 0) throw missing(request.path);
  return counts;
}

/** The path in bytes; links are followed where that was asked for, else all but the last. */
function resolve({ path, follow }: SendRequest): string {
  if (!follow) return Buffer.from(path).toString('latin1');
  try {
    return realpathSync(path, 'buffer').toString('latin1');
  } catch {
    throw missing(path);
  }
}

function isView(path: string, syscalls: Syscalls): boolean {
  const fd = openSync(bytesOf(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return VIEWS.includes(syscalls.fstatfsType(fd));
  } finally {
    closeSync(fd);
  }
}

export function missing(path: string): HutchError {
  return new HutchError(`there is no ${path} to copy`, { code: 'PATH_INVALID', hint: 'correct the path' });
}

export function noDirectory(path: string): HutchError {
  return new HutchError(`${path} is no directory`, {
    code: 'PATH_INVALID',
    hint: 'leave out the slash at its end',
  });
}
