/** When a helper that has died is started again: at once, then after pauses that double, and not for ever; in the monitor. */

const FIRST_MS = 100;
const MOST_TRIES = 6;
/** A helper that has lived so long has not died of its start. */
const STEADY_MS = 10_000;

/** Pure: milliseconds until try number `tries` (from 0), null when there were enough of them. */
export function pauseBeforeTry(tries: number): number | null {
  if (tries >= MOST_TRIES) return null;
  return tries === 0 ? 0 : FIRST_MS * 2 ** (tries - 1);
}

/** What came of the tries. */
export type Tried<T> =
  | { readonly is: 'back'; readonly with: T; readonly attempts: number }
  | { readonly is: 'lost'; readonly reason: string }
  /** Nobody needs it any more. */
  | { readonly is: 'over' };

export class NetworkBackoff {
  private tries = 0;
  private startedAt = 0;
  private interrupt: (() => void) | undefined;
  private isOver = false;

  /** Tries until it succeeds, with pauses, as long as it is needed. `reason`: why there is something to try. */
  async bringBack<T>(reason: string, isNeeded: () => boolean, attempt: () => Promise<T>): Promise<Tried<T>> {
    let last = reason;
    for (let attempts = 1; await this.next(); attempts += 1) {
      if (!isNeeded()) break;
      try {
        const made = await attempt();
        this.startedAt = performance.now();
        return isNeeded() ? { is: 'back', with: made, attempts } : { is: 'over' };
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
    }
    return isNeeded() ? { is: 'lost', reason: last } : { is: 'over' };
  }

  /** Resolves when the next try is due: true; false when there is none. */
  private async next(): Promise<boolean> {
    if (this.startedAt !== 0 && performance.now() - this.startedAt > STEADY_MS) this.tries = 0;
    this.startedAt = 0;
    const pauseMs = pauseBeforeTry(this.tries);
    if (pauseMs === null || this.isOver) return false;
    this.tries += 1;
    if (pauseMs > 0) await this.pause(pauseMs);
    return !this.isOver;
  }

  end(): void {
    this.isOver = true;
    this.interrupt?.();
  }

  private async pause(pauseMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.interrupt = undefined;
  }
}
