/** Signals as people know them; pure. */
import { constants } from 'node:os';

/** Source: signal(7). */
const RTMIN = 34;

/** `SIGKILL` for 9, `SIGRTMIN+3` for 37. */
export function signalName(number: number): string {
  const known = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  if (known !== undefined) return known;
  return number >= RTMIN ? `SIGRTMIN+${String(number - RTMIN)}` : `signal ${String(number)}`;
}
