/** When nothing comes from a payload any more, though others still hold its pipes; in the process of `exec`. */
import type { StreamClient, StreamHub } from './stream-hub.ts';

/** A client that only notes when something came. */
export class QuietWatch implements StreamClient {
  readonly needsEvents = true;
  private readonly hub: StreamHub;
  private last = 0;

  constructor(hub: StreamHub) {
    this.hub = hub;
  }

  connected(): void {
    this.last = performance.now();
  }

  take(): boolean {
    this.last = performance.now();
    return true;
  }

  /** Resolves with `drained`, or when for `quietMs` nothing has come that the other clients could take. */
  async settled(drained: Promise<void>, quietMs: number): Promise<void> {
    const state = { isOver: false };
    void drained.then(() => (state.isOver = true));
    this.last = performance.now();
    while (!state.isOver && (this.hub.isHeldUp || performance.now() - this.last < quietMs)) {
      await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, quietMs / 4))]);
      // A timer may be late: what has come meanwhile is looked at first.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
