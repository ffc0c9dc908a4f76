/** Locks between hutch processes, with a deadline and a named holder; on the host's side. Only writers take them. */
import {
  existsSync,
  mkdir,
  rmdir,
  rmdirSync,
  rmSync,
  stat,
  statSync,
  utimes,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockOptions } from 'proper-lockfile';
import { HutchError, errnoOf } from '../errors/hutch-error.ts';
import { writeError } from './json-file.ts';
import { describeHolder, HOLDER, isAbandoned, readHolder } from './lock-holder.ts';

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'];
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 100;
const UPDATE_MS = 2000;
/** proper-lockfile takes nothing over by itself: two that do so at the same time could both succeed. See takeFromDead(). */
const NEVER_MS = 365 * 24 * 3_600_000;

/**
 * Runs `work` while holding the lock of `path`, whose directory exists. Nothing stays beside it; a lock whose holder is provably dead
 * (boot id, pid and start time) is taken over at once, one whose holder is not known after 10 s without a sign of life, and that of a living
 * process never. LOCK_TIMEOUT names the holder when `deadlineMs` passes first; STORE_UNWRITABLE, STORAGE_FULL.
 */
export async function withLock<T>(
  path: string,
  purpose: string,
  work: () => Promise<T>,
  deadlineMs = 30_000,
): Promise<T> {
  const release = await acquire(path, deadlineMs);
  try {
    nameHolder(directoryOf(path), purpose);
    return await work();
  } finally {
    await release();
  }
}

/** True while somebody holds the lock of `path`, as far as can be known. */
export function isLocked(path: string): boolean {
  return existsSync(directoryOf(path)) && !isAbandoned(directoryOf(path));
}

function directoryOf(path: string): string {
  return `${path}.lock`;
}

/**
 * The holder's file lies in the directory that is the lock, so that it can never be taken for that of another holder. On a full disk
 * the lock stays nameless: what is done under it may be what makes room.
 */
function nameHolder(directory: string, purpose: string): void {
  try {
    const { atime, mtime } = statSync(directory);
    writeFileSync(join(directory, HOLDER), JSON.stringify(describeHolder(purpose)), { flag: 'wx', mode: 0o600 });
    // proper-lockfile knows its own lock by this time.
    utimesSync(directory, atime, mtime);
  } catch (error) {
    const failure = writeError(directory, error);
    if (failure.code !== 'STORAGE_FULL') throw failure;
    rmSync(join(directory, HOLDER), { force: true });
  }
}

/** What proper-lockfile needs of node:fs, but for a lock that has a file in it. */
const FILES = {
  mkdir,
  stat,
  utimes,
  rmdir: (directory: string, done: (error: Error | null) => void): void => {
    try {
      rmSync(join(directory, HOLDER), { force: true });
    } catch {
      // Then rmdir(2) says why not.
    }
    rmdir(directory, done);
  },
  rmdirSync: (directory: string): void => {
    rmSync(join(directory, HOLDER), { force: true });
    rmdirSync(directory);
  },
};

const OPTIONS = { realpath: false, retries: 0, update: UPDATE_MS, fs: FILES } satisfies LockOptions;

async function acquire(path: string, deadlineMs: number): Promise<() => Promise<void>> {
  // Only writers need it, and it takes longer to load than most commands take to run.
  const { lock } = await import('proper-lockfile');
  const givesUpAt = performance.now() + deadlineMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    try {
      return await lock(path, { ...OPTIONS, stale: NEVER_MS });
    } catch (cause) {
      const errno = errnoOf(cause) ?? '';
      if (UNWRITABLE.includes(errno)) throw writeError(path, cause);
      if (errno !== 'ELOCKED') throw cause;
      if (await takeFromDead(path)) continue;
      if (performance.now() > givesUpAt) throw timedOut(path, cause);
      await sleep(pauseMs);
    }
  }
}

/**
 * Removes a lock that nobody holds any more; false when somebody may. Who removes one holds a second lock meanwhile and looks once more:
 * of two that found the same dead holder, the slower one would otherwise remove the lock that the quicker one has taken.
 */
async function takeFromDead(path: string): Promise<boolean> {
  const directory = directoryOf(path);
  if (!isAbandoned(directory)) return false;
  const { lock } = await import('proper-lockfile');
  try {
    const release = await lock(`${path}.takeover`, OPTIONS);
    try {
      if (isAbandoned(directory)) FILES.rmdirSync(directory);
    } finally {
      await release();
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ELOCKED' || errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function timedOut(path: string, cause: unknown): HutchError {
  const holder = readHolder(directoryOf(path));
  return new HutchError(
    `${path} is locked by ${holder === undefined ? 'another process' : `pid ${String(holder.pid)} (${holder.purpose})`}`,
    {
      code: 'LOCK_TIMEOUT',
      hint: 'wait for it to end, or end that process',
      cause,
      context: { path, holder: holder?.pid ?? null },
    },
  );
}
