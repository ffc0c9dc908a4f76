/** Trying again, a little later each time; on the host's side. */
import { setTimeout as sleep } from 'node:timers/promises';
import { registryFailed, isTransient } from './failures.ts';
import type { Limits } from './limits.ts';

/**
 * Runs `attempt` until it succeeds, fails for good, or has failed `limits.attempts` times in a row without progress.
 * @param progress a number that grows with what is done; attempts that took it further than ever do not count.
 */
export async function withRetries<T>(
  limits: Limits,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> {
  for (let failures = 1, best = progress(); ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!isTransient(error)) throw error;
      const now = progress();
      if (now > best) failures = 1;
      best = Math.max(best, now);
      const { waitMs } = error.context;
      if (failures >= limits.attempts) throw error;
      if (typeof waitMs === 'number' && waitMs > limits.longestWaitMs) throw mustWait(error, waitMs);
      await sleep(Math.max(typeof waitMs === 'number' ? waitMs : 0, backoff(failures, limits)), undefined, { signal });
    }
  }
}

/** Doubles each time; half of it by chance, so that many clients do not come back at once. */
function backoff(failures: number, { backoffMs, longestBackoffMs }: Limits): number {
  const most = Math.min(backoffMs * 2 ** (failures - 1), longestBackoffMs);
  return most / 2 + (Math.random() * most) / 2;
}

function mustWait(cause: Error, waitMs: number): Error {
  const minutes = Math.ceil(waitMs / 60_000);
  return registryFailed(cause.message, {
    cause,
    hint: `the registry asks to wait ${String(minutes)} minutes; logging in often raises the limit (hutch login)`,
  });
}

/** Milliseconds of a Retry-After header, which holds seconds or a date; undefined when it holds neither. */
export function retryAfterMs(header: string | undefined, nowMs = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^[0-9]{1,9}$/u.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
