/** The name of a monitor in ps(1) and top(1); in the monitor. */

const PREFIX = 'hutch monitor ';

/** Names this process after its container. */
export function nameMonitor(container: string): void {
  process.title = `${PREFIX}${container}`;
}

/** False for a `hutch run` in the foreground: that keeps its command line. */
export function isNamedMonitor(): boolean {
  return process.title.startsWith(PREFIX);
}
