/** Signals as users write them; pure. */
import { constants } from 'node:os';
import { badValue } from './parse-values.ts';

/** The first and the last realtime signal as the C library counts them. Source: signal(7). */
const RTMIN = 34;
const RTMAX = 64;

/** The number of `TERM`, `SIGTERM`, `15`, `RTMIN+3`. USAGE_INVALID for what is none. */
export function parseSignal(flag: string, text: string): number {
  const name = text.toUpperCase().replace(/^SIG/u, '');
  const known = (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  const number = known ?? (/^\d+$/u.test(name) ? Number(name) : realtime(name));
  if (number === undefined || number < 1 || number > RTMAX)
    throw badValue(flag, text, 'a signal such as TERM, SIGINT, 15 or RTMIN+3');
  return number;
}

function realtime(name: string): number | undefined {
  const match = /^RT(MIN|MAX)(?:([+-])(\d+))?$/u.exec(name);
  if (match === null) return undefined;
  const [, base, sign, offset = '0'] = match;
  const number = (base === 'MIN' ? RTMIN : RTMAX) + Number(offset) * (sign === '-' ? -1 : 1);
  return number < RTMIN ? undefined : number;
}
