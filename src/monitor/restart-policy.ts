/** Whether and when a container that has ended starts again; pure. */
import type { RestartPolicy } from '../state/container-record.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 60_000;
/** A life of this length was none of a row of failures. */
const GOOD_LIFE_MS = 10_000;

export interface Ending {
  readonly code: number;
  /** Somebody has stopped it. */
  readonly isStopped: boolean;
  /** How often it was started again so far. */
  readonly restartCount: number;
}

export function shallRestart({ name, limit }: RestartPolicy, { code, isStopped, restartCount }: Ending): boolean {
  if (isStopped || name === 'no') return false;
  if (name !== 'on-failure') return true;
  return code !== 0 && (limit === null || restartCount < limit);
}

/** The pauses between lives: each twice as long as the one before, until one life was long. */
export class Backoff {
  private delayMs = FIRST_DELAY_MS;

  next(lifeMs: number): number {
    if (lifeMs >= GOOD_LIFE_MS) this.delayMs = FIRST_DELAY_MS;
    const delayMs = this.delayMs;
    this.delayMs = Math.min(delayMs * 2, MAX_DELAY_MS);
    return delayMs;
  }
}
