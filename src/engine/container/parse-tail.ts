/** `--tail`: how much of a log; pure. */
import { badValue } from './parse-values.ts';

/** A number of lines; null for all. */
export function parseTail(text: string): number | null {
  if (text === 'all' || text === '-1') return null;
  if (!/^\d{1,9}$/u.test(text)) throw badValue('--tail', text, 'a number of lines, or all');
  return Number(text);
}
