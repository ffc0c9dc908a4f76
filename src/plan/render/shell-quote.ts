/** Quoting for a POSIX shell; pure. */
import { HutchError } from '../../errors/hutch-error.ts';

/** Characters that no shell gives a meaning to; an equals sign only in an option, as `a=b` may be an assignment. */
const PLAIN = /^(?:[A-Za-z0-9_/.:@%+,-]+|-[A-Za-z0-9_/.:@%+,=-]+)$/u;

/**
 * One shell word that stands for exactly `text`: bare when nothing in it is special, else in single quotes, in which only the
 * single quote itself is special (POSIX shell, 2.2.2). Throws SPEC_INVALID for a NUL, which no argument can hold.
 */
export function shellQuote(text: string): string {
  if (text.includes('\0')) {
    throw new HutchError(`a value with a NUL character cannot be written to a script: ${JSON.stringify(text)}`, {
      code: 'SPEC_INVALID',
      hint: 'remove the NUL character from the value',
    });
  }
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The words of a command, quoted and parted by spaces. */
export function shellWords(words: readonly string[]): string {
  return words.map(shellQuote).join(' ');
}
