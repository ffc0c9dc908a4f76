/** `--cidfile`: the id of a new container in a file of the user's; and whether --pidfile can be written; on the host's side. */
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';

/** USAGE_INVALID when the file is there already, as it may be another container's, or cannot be made: said before anything is. */
export function refuseCidFile(path: string | undefined): void {
  if (path === undefined) return;
  if (existsSync(path)) throw taken(path);
  requireWritable('--cidfile', path);
}

/** USAGE_INVALID when the file cannot be made; one that is there is of an earlier start, and replaced. */
export function refusePidFile(path: string | undefined): void {
  if (path === undefined) return;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw unwritable('--pidfile', path, { code: 'EISDIR' });
  requireWritable('--pidfile', path);
}

function requireWritable(flag: string, path: string): void {
  try {
    accessSync(path === '' ? path : dirname(path), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw unwritable(flag, path, cause);
  }
}

export function writeCidFile(path: string | undefined, id: string): void {
  if (path === undefined) return;
  try {
    writeFileSync(path, id, { flag: 'wx' });
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') throw taken(path);
    throw unwritable('--cidfile', path, cause);
  }
}

function unwritable(flag: string, path: string, cause: unknown): HutchError {
  return new HutchError(`cannot write ${flag} ${path}: ${errnoOf(cause) ?? String(cause)}`, {
    code: 'USAGE_INVALID',
    hint: 'choose a file that can be made',
    cause,
  });
}

function taken(path: string): HutchError {
  return new HutchError(`--cidfile ${path} is there already`, {
    code: 'USAGE_INVALID',
    hint: 'remove it, or choose another file',
  });
}
