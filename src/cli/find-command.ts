/** From words to a row of the command table; pure, CLI process. */

import { HutchError } from '../errors/hutch-error.ts';
import { closest } from './closest.ts';
import { COMMANDS, TOPICS, type CommandRow } from './command-table.ts';

export type Found =
  | { readonly kind: 'command'; readonly name: string; readonly row: CommandRow; readonly rest: readonly string[] }
  | { readonly kind: 'topic'; readonly name: string; readonly rest: readonly string[] };

/**
 * The command that the first words of `argv` call, the longest match first, and the words after it; or the topic they
 * name. Throws USAGE_INVALID, with the nearest command as hint, when they call nothing.
 */
export function findCommand(argv: readonly string[]): Found {
  const words = leadingWords(argv);
  for (let length = Math.min(words.length, 3); length > 0; length -= 1) {
    const called = words.slice(0, length).join(' ');
    const name = nameOf(called);
    const row = name === undefined ? undefined : COMMANDS[name];
    const rest = argv.slice(length);
    if (name !== undefined && row !== undefined) return { kind: 'command', name, row, rest };
    if (length === words.length && Object.hasOwn(TOPICS, called)) return { kind: 'topic', name: called, rest };
  }
  throw unknownCommand(words);
}

/** Every way to call a command: names and aliases. */
export function allCalls(): readonly string[] {
  return Object.entries(COMMANDS).flatMap(([name, row]) => [name, ...(row.aliases ?? [])]);
}

function nameOf(called: string): string | undefined {
  if (Object.hasOwn(COMMANDS, called)) return called;
  return Object.keys(COMMANDS).find((name) => COMMANDS[name]?.aliases?.includes(called) === true);
}

function leadingWords(argv: readonly string[]): readonly string[] {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return end === -1 ? argv : argv.slice(0, end);
}

function unknownCommand(words: readonly string[]): HutchError {
  const [first = '', second] = words;
  const typed = Object.hasOwn(TOPICS, first) && second !== undefined ? `${first} ${second}` : first;
  const near = closest(typed, [...allCalls(), ...Object.keys(TOPICS), 'help']);
  const hint = near === undefined ? 'See hutch --help for all commands' : `Did you mean hutch ${near}?`;
  return new HutchError(`there is no command "hutch ${typed}"`, { code: 'USAGE_INVALID', hint });
}
