/** Passing signals on to the payload while it runs; in the monitor. */

const FORWARDED: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
];

/**
 * Sends every signal that this process gets to `target`. PID 1 ignores signals that it has no handler for, so a second
 * Ctrl-C ends it by SIGKILL. Disposing of the result gives the signals back.
 * @param target the payload's host pid, or undefined while there is none: then `abort` is called.
 */
export function forwardSignals(target: () => number | undefined, abort: (signal: NodeJS.Signals) => void): Disposable {
  let interrupts = 0;
  const forward = (signal: NodeJS.Signals): void => {
    const pid = target();
    if (pid === undefined) {
      abort(signal);
      return;
    }
    if (signal === 'SIGINT') interrupts += 1;
    try {
      process.kill(pid, signal === 'SIGINT' && interrupts > 1 ? 'SIGKILL' : signal);
    } catch {
      // It has just ended: its exit code is on the way.
    }
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  return {
    [Symbol.dispose]: () => {
      for (const signal of FORWARDED) process.off(signal, forward);
    },
  };
}
