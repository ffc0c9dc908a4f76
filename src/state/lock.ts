/** Locks between hutch processes, with a deadline and a named holder; on the host's side. Only writers take them. */
import { lstat, lstatSync, lutimes, symlink, unlink, unlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockOptions } from 'proper-lockfile';
import { HutchError, errnoOf } from '../errors/hutch-error.ts';
import { writeError } from './json-file.ts';
import { describeHolder, isAbandoned, readHolder } from './lock-holder.ts';

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
  const release = await acquire(path, purpose, deadlineMs);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** True while somebody holds the lock of `path`, as far as can be known. */
export function isLocked(path: string): boolean {
  const lock = lockOf(path);
  return lstatSync(lock, { throwIfNoEntry: false }) !== undefined && !isAbandoned(lock);
}

function lockOf(path: string): string {
  return `${path}.lock`;
}

/**
 * The options of proper-lockfile for a lock that is a symbolic link to the description of its holder: like a directory, only one can make
 * it; unlike one, it names its holder from its first moment to its last.
 */
function optionsFor(purpose: string): LockOptions {
  const files = {
    mkdir: (lock: string, done: (error: Error | null) => void): void => {
      symlink(describeHolder(purpose), lock, done);
    },
    stat: lstat,
    utimes: lutimes,
    rmdir: unlink,
    rmdirSync: unlinkSync,
  };
  return { realpath: false, retries: 0, update: UPDATE_MS, fs: files };
}

async function acquire(path: string, purpose: string, deadlineMs: number): Promise<() => Promise<void>> {
  // Only writers need it, and it takes longer to load than most commands take to run.
  const { lock } = await import('proper-lockfile');
  const givesUpAt = performance.now() + deadlineMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    try {
      return await lock(path, { ...optionsFor(purpose), stale: NEVER_MS });
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
  const dead = lockOf(path);
  if (!isAbandoned(dead)) return false;
  const { lock } = await import('proper-lockfile');
  try {
    const release = await lock(`${path}.takeover`, optionsFor('take over a lock'));
    try {
      if (isAbandoned(dead)) unlinkSync(dead);
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
  const holder = readHolder(lockOf(path));
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
