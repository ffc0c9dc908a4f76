/** Hearing the signals that are meant for the payload; in the monitor. */

const HEARD: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
];

/** Hands every signal that this process gets to `hear`. Disposing of the result gives the signals back. */
export function hearSignals(hear: (signal: NodeJS.Signals) => void): Disposable {
  for (const signal of HEARD) process.on(signal, hear);
  return {
    [Symbol.dispose]: () => {
      for (const signal of HEARD) process.off(signal, hear);
    },
  };
}
