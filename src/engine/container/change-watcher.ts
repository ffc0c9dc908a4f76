/** Waiting until something changes in a directory; on the host's side. */
import { watch, type FSWatcher } from 'node:fs';

/** Without inotify (its instances are few for each user), and as a safety net with it. */
const POLL_MS = 50;
const SLOW_POLL_MS = 500;
/** One look for many changes in a row. */
const GATHER_MS = 5;

/** Hears of changes from its making on, so that none is missed between a look and the wait for the next. */
export class ChangeWatcher implements Disposable {
  private readonly watcher: FSWatcher | undefined;
  private hasChanged = false;
  private wake: (() => void) | undefined;

  constructor(directory: string) {
    this.watcher = watchIfPossible(directory, () => {
      this.hasChanged = true;
      this.wake?.();
    });
  }

  /** Resolves soon after a change since the last call, or after half a second at most. */
  async next(): Promise<void> {
    if (!this.hasChanged) await this.pause(this.watcher === undefined ? POLL_MS : SLOW_POLL_MS);
    if (this.hasChanged) await this.pause(GATHER_MS, false);
    this.hasChanged = false;
  }

  [Symbol.dispose](): void {
    this.watcher?.close();
  }

  private pause(delayMs: number, canWake = true): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      if (!canWake) return;
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function watchIfPossible(directory: string, heard: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, heard);
    watcher.on('error', () => undefined);
    return watcher;
  } catch {
    return undefined;
  }
}
