/** Locks between hutch processes, with a deadline and a named holder; on the host's side. Only writers take them. */
import { rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { HutchError, errnoOf, isHutchError } from '../errors/hutch-error.ts';
import { readJsonFile, writeError, writeJsonFile } from './json-file.ts';

const UNWRITABLE = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT'];

interface Holder {
  readonly pid: number;
  readonly purpose: string;
}

/**
 * Runs `work` while holding the lock of `path`, whose directory exists. Nothing stays beside it; a lock whose holder died is
 * taken over after 10 s. LOCK_TIMEOUT names the holder when `deadlineMs` passes first; STORE_UNWRITABLE, STORAGE_FULL.
 */
export async function withLock<T>(
  path: string,
  purpose: string,
  work: () => Promise<T>,
  deadlineMs = 30_000,
): Promise<T> {
  const release = await acquire(path, deadlineMs);
  try {
    nameHolder(path, purpose);
    return await work();
  } finally {
    rmSync(`${path}.holder`, { force: true });
    await release();
  }
}

/** On a full disk the lock stays nameless: what is done under it may be what makes room. */
function nameHolder(path: string, purpose: string): void {
  try {
    writeJsonFile(`${path}.holder`, { pid: process.pid, purpose } satisfies Holder, { durable: false });
  } catch (error) {
    if (!isHutchError(error, 'STORAGE_FULL')) throw error;
  }
}

/** proper-lockfile's own retries draw up a list of all waits beforehand, which for hours of patience takes longer than the work. */
async function acquire(path: string, deadlineMs: number): Promise<() => Promise<void>> {
  // Only writers need it, and it takes longer to load than most commands take to run.
  const { lock } = await import('proper-lockfile');
  const until = Date.now() + deadlineMs;
  for (let waitMs = 25; ; waitMs = Math.min(100, waitMs * 1.5)) {
    try {
      return await lock(path, { realpath: false, stale: 10_000, update: 2000, retries: 0 });
    } catch (cause) {
      // ENOENT: the lock of a dead process was taken over by two at once.
      const errno = errnoOf(cause) ?? '';
      if (UNWRITABLE.includes(errno)) throw writeError(path, cause);
      if (!['ELOCKED', 'ENOENT'].includes(errno)) throw cause;
      if (Date.now() >= until) throw lockTimeout(path, cause);
    }
    await setTimeout(waitMs);
  }
}

function lockTimeout(path: string, cause: unknown): unknown {
  if (errnoOf(cause) !== 'ELOCKED') return cause;
  const holder = readJsonFile(`${path}.holder`) as Holder | undefined;
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
