/** A container that `hutch run` has made, and its monitor in the same process; on the host's side. */
import type { HereOptions } from '../../monitor/monitor-here.ts';
import { monitorHere } from '../../monitor/monitor-here.ts';

export type WatchHere = (options: HereOptions) => void;

/** Looks after the container to its end. `end` gets the payload's exit code, or `fail` the error of monitorHere(). Keeps no reference to what it was given but data. */
export function watchHereUntil(
  options: HereOptions,
  end: (exitCode: number) => void,
  fail: (error: unknown) => void,
): void {
  const { meanwhile, onRunning, ...data } = options;
  monitorHere({ ...data, meanwhile: once(meanwhile), onRunning: once(onRunning) }).then(end, fail);
}

/** Calls `call` once, and forgets it. */
function once(call: () => void): () => void {
  let pending: (() => void) | undefined = call;
  return () => {
    const now = pending;
    pending = undefined;
    now?.();
  };
}
