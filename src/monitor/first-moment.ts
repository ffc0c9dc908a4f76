/**
 * The first moment of a payload, heard without the machinery that hears the rest of its life: the monitor of a payload that is quick never
 * loads that, and leaves the processor to others. In the monitor.
 */
import { errnoOf } from '../errors/hutch-error.ts';
import { nowMs } from '../syscall/now-ms.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

/** Something to be read that is not at its end. */
export interface EarlySource {
  readonly fd: number;
  /** Reads what is there, once. Called when there is something, or it is at its end. */
  read(): void;
}

/** How long signals and timers wait at most. */
const STEP_MS = 100;
/** After a signal: the end of a container is one, and what it has left is there at once. */
const SHORTLY_MS = 1;

/** Reads `sources` until there are none, or `forMs` have passed. Meanwhile the process's timers and signals are heard, late. */
export async function hearFirstMoment(
  sources: () => readonly EarlySource[],
  syscalls: Syscalls,
  forMs: number,
): Promise<void> {
  const until = nowMs() + forMs;
  let [stepMs, heardAtMs] = [STEP_MS, nowMs()];
  for (let open = sources(); open.length > 0 && nowMs() < until; open = sources()) {
    const ready = readyOf(open, syscalls, stepMs);
    for (const source of ready ?? []) source.read();
    stepMs = ready === undefined ? SHORTLY_MS : STEP_MS;
    if (ready?.length !== 0 && nowMs() - heardAtMs < STEP_MS) continue;
    await new Promise(setImmediate);
    heardAtMs = nowMs();
  }
}

/** Undefined: a signal came first. */
function readyOf(open: readonly EarlySource[], syscalls: Syscalls, forMs: number): EarlySource[] | undefined {
  const fds = open.map(({ fd }) => fd);
  try {
    const answers = syscalls.pollReadableOnce(fds, forMs);
    return open.filter((_, index) => answers[index]);
  } catch (error) {
    if (errnoOf(error) === 'EINTR') return undefined;
    throw error;
  }
}
