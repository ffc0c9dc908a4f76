/** Probes the health of a running container again and again; in its monitor. */
import { afterProbe, NEW_HEALTH, nextProbeMs, type Health, type HealthCheck } from '../state/health.ts';

/** What a probe came to: its exit code and the beginning of its output. Aborting ends it. */
export type RunProbe = (signal: AbortSignal) => Promise<{ readonly exitCode: number; readonly output: string }>;

export interface HealthWatchOptions {
  readonly check: HealthCheck;
  readonly probe: RunProbe;
  readonly onChange: (health: Health, hasTurned: boolean) => void;
}

/** setTimeout() takes no more. */
const LONGEST_MS = 2 ** 31 - 1;
/** Exit code of a probe without one of its own. */
const NO_CODE = -1;

/** From its making until it is disposed of. */
export class HealthWatch implements Disposable {
  private readonly options: HealthWatchOptions;
  private readonly startMs = Date.now();
  private readonly ending = new AbortController();
  private health = NEW_HEALTH;
  private timer: NodeJS.Timeout | undefined;
  private isHeld = false;

  constructor(options: HealthWatchOptions) {
    this.options = options;
    options.onChange(this.health, true);
    this.schedule();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    this.ending.abort();
  }

  /** A container that is held is neither healthy nor sick. */
  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
  }

  private schedule(): void {
    const delayMs = nextProbeMs(this.health, this.options.check, Date.now() - this.startMs);
    this.timer = setTimeout(() => void this.probe(), Math.min(delayMs, LONGEST_MS));
  }

  private async probe(): Promise<void> {
    if (this.isHeld) {
      this.schedule();
      return;
    }
    const beginMs = Date.now();
    const { exitCode, output } = await this.run();
    if (this.ending.signal.aborted) return;
    const probe = { start: new Date(beginMs).toISOString(), end: new Date().toISOString(), exitCode, output };
    const before = this.health;
    this.health = afterProbe(before, probe, this.options.check, beginMs - this.startMs);
    this.options.onChange(this.health, before.status !== this.health.status);
    this.schedule();
  }

  /** What goes wrong with a probe is a failure of it. */
  private async run(): ReturnType<RunProbe> {
    const { check, probe } = this.options;
    const time = AbortSignal.timeout(Math.min(check.timeoutMs, LONGEST_MS));
    try {
      const result = await probe(AbortSignal.any([time, this.ending.signal]));
      if (!time.aborted) return result;
      return { exitCode: NO_CODE, output: `took longer than ${String(check.timeoutMs / 1000)} s; ${result.output}` };
    } catch (error) {
      return { exitCode: NO_CODE, output: error instanceof Error ? error.message : String(error) };
    }
  }
}
