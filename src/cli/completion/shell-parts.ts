/** Pieces that the completion scripts of bash and zsh share; pure, CLI process. */

import type { CompletedCommand, CompletionWords } from './words.ts';

/** `text` as one word of a POSIX shell. */
export function quoteShell(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Every spelling of the command's flags whose next word is a value. */
export function valueFlagsOf({ flags }: CompletedCommand): readonly string[] {
  return flags.filter(({ takesValue }) => takesValue).flatMap(({ spellings }) => spellings);
}

/** The next words after `prefix` ('' for none), each with its description, once. */
export function wordsBelow({ commands, topics }: CompletionWords, prefix: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  const start = prefix === '' ? '' : `${prefix} `;
  for (const { call, summary } of commands) {
    if (!call.startsWith(start)) continue;
    const [word = '', ...deeper] = call.slice(start.length).split(' ');
    const isWhole = deeper.length === 0;
    if (isWhole || !words.has(word)) words.set(word, isWhole ? summary : (topics[word] ?? ''));
  }
  return prefix === '' ? words.set('help', 'Show help for a command') : words;
}
