/** What `hutch inspect` and `hutch container inspect` print; CLI process. */
import { isHutchError } from '../errors/hutch-error.ts';
import { inspectOne, isUnknown, type InspectOptions } from '../engine/system/inspect.ts';
import { Flags } from './base-command.ts';
import { EXIT_OK } from '../errors/exit-codes.ts';
import { writeOut } from './output.ts';
import { presentError } from './present-error.ts';

export const INSPECT_FLAGS = {
  format: Flags.string({ char: 'f', description: 'json, or a Go template such as {{.State.Status}}' }),
  size: Flags.boolean({ char: 's', description: 'also what a container has written (SizeRw, SizeRootFs)' }),
};

/** As docker ends when a name is unknown. */
const EXIT_UNKNOWN = 1;

/**
 * Prints what is known of each word: one JSON array, or a line by template for each. Unknown ones are told of on stderr at the end, and the
 * others printed all the same: with none at all that is `[]`. Returns the exit code.
 */
export function showInspected(
  words: readonly string[],
  { format, ...options }: InspectOptions & { readonly format: string | undefined },
): Promise<number> {
  return showEach(words, format, (word) => inspectOne(word, options));
}

/** The same for what `inspect` says of a word. */
export async function showEach(
  words: readonly string[],
  format: string | undefined,
  inspect: (word: string) => Promise<object>,
): Promise<number> {
  const found: object[] = [];
  const unknown: unknown[] = [];
  for (const word of words) {
    try {
      found.push(await inspect(word));
    } catch (error) {
      if (!isUnknown(error) && !isHutchError(error, 'NAME_AMBIGUOUS')) throw error;
      unknown.push(error);
    }
  }
  if (format === undefined || format === 'json') writeOut(`${JSON.stringify(found, undefined, 4)}\n`);
  else await showByTemplate(found, format);
  unknown.forEach(presentError);
  return unknown.length === 0 ? EXIT_OK : EXIT_UNKNOWN;
}

async function showByTemplate(found: readonly object[], format: string): Promise<void> {
  const { formatOne } = await import('./format/format-rows.ts');
  for (const one of found) writeOut(`${formatOne(format, one)}\n`);
}
