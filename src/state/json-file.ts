/** JSON records on disk: written whole or not at all, read without a lock; on the host's side. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';

/** Writes `value` as JSON to `path` atomically (temporary file, fsync unless `durable` is false, rename), mode 0600. */
export function writeJsonFile(path: string, value: unknown, options: { readonly durable?: boolean } = {}): void {
  writeTextFile(path, `${JSON.stringify(value)}\n`, options);
}

/** As writeJsonFile, for any text. STORAGE_FULL or STORE_UNWRITABLE name the path; nothing half-written stays. */
export function writeTextFile(
  path: string,
  text: string,
  options: { readonly durable?: boolean; readonly mode?: number } = {},
): void {
  const temporary = `${path}.${String(process.pid)}.tmp`;
  try {
    const fd = openSync(temporary, 'w', options.mode ?? 0o600);
    try {
      writeSync(fd, text);
      if (options.durable !== false) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeError(path, error);
  }
}

/**
 * Writes `value` over what a JSON file holds, by one write(2) into the room that the file has: what a full disk allows. Unlike writeJsonFile() a
 * crash of the host in that moment can leave it damaged. STORAGE_FULL where it needs more room than that.
 */
export function overwriteJsonFile(path: string, value: unknown): void {
  try {
    const fd = openSync(path, 'r+');
    try {
      const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
      // White space is no part of JSON: what was longer before needs no second call that cuts it off.
      writeSync(
        fd,
        Buffer.concat([bytes, Buffer.alloc(Math.max(0, fstatSync(fd).size - bytes.length), ' ')]),
        0,
        null,
        0,
      );
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw writeError(path, error);
  }
}

/** True when an error says that a file is not there. */
export function isAbsent(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT';
}

/** The value in a JSON file; undefined when there is no such file; RECORD_CORRUPT when it is not JSON; STORE_UNWRITABLE when it cannot be read. */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw readError(path, error);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new HutchError(`${path} is damaged: it is not JSON`, {
      code: 'RECORD_CORRUPT',
      hint: `restore it from a backup, or remove it`,
      cause,
      context: { path },
    });
  }
}

/** The names in a directory; none where it does not exist. STORE_UNWRITABLE when it cannot be read. */
export function listNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw readError(path, error);
  }
}

/** The HutchError for a failed read: somebody else's place, or one that is closed to its owner too. */
export function readError(path: string, cause: unknown): HutchError {
  const errno = errnoOf(cause) ?? String(cause);
  return new HutchError(`cannot read ${path}: ${errno}`, {
    code: 'STORE_UNWRITABLE',
    hint: 'make it readable for you, or set HUTCH_DATA (store) or XDG_RUNTIME_DIR (run directory) to a place of your own',
    cause,
    context: { path, errno },
  });
}

/** The HutchError for a failed write: a full disk and a read-only place are told apart. */
export function writeError(path: string, cause: unknown): HutchError {
  const errno = errnoOf(cause) ?? String(cause);
  const full = errno === 'ENOSPC' || errno === 'EDQUOT';
  return new HutchError(`cannot write ${path}: ${errno}`, {
    code: full ? 'STORAGE_FULL' : 'STORE_UNWRITABLE',
    hint: full
      ? 'free some space (hutch rmi, hutch rm), or set HUTCH_DATA to a larger file system'
      : 'make it writable, or set HUTCH_DATA to a place that is',
    cause,
    context: { path, errno },
  });
}
