/** Ending long work on a signal, in order and soon; CLI process. */

import { constants } from 'node:os';

/** Not SIGHUP: under nohup(1) it is ignored, and must stay so. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** For the work to leave things as they should be. Whatever does not heed the signal by then ends with the process. */
const GRACE_MS = 2000;

/** What an export or a save says then. */
export const NO_HALF_ARCHIVE = 'there is no half archive';

/** The user, or the system, ended the work. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: (typeof SIGNALS)[number], consequence: string) {
    super(`stopped by ${signal}; ${consequence}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Runs `work` with a signal that SIGINT and SIGTERM abort; then Interrupted is thrown. A second one ends the process at once. */
export async function interruptible<T>(consequence: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = Promise.withResolvers<never>();
  const stop = (signal: NodeJS.Signals): void => {
    const reason = new Interrupted(signal as (typeof SIGNALS)[number], consequence);
    if (controller.signal.aborted) process.exit(reason.exitCode);
    controller.abort(reason);
    setTimeout(() => late.reject(reason), GRACE_MS).unref();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
  try {
    return await Promise.race([work(controller.signal), late.promise]);
  } finally {
    for (const signal of SIGNALS) process.off(signal, stop);
  }
}
