/** The completion script for fish 3; pure, CLI process. Source: fish's `complete` manual. */

import { wordsBelow } from './shell-parts.ts';
import type { CompletedCommand, CompletedFlag, CompletionWords } from './words.ts';

/** One `complete` line for each word, flag and argument, under the condition that its command is typed. */
export function renderFish(words: CompletionWords): string {
  const prefixes = ['', ...Object.keys(words.topics)];
  return `# fish completion for hutch
function __hutch_call
    set -l typed (commandline -opc)
    set -e typed[1]
    set -l call
    for word in $typed
        contains -- (string join ' ' $call $word) ${calls(words)}; or break
        set call $call $word
    end
    test "$call" = "$argv[1]"
end
complete -c hutch -f
${prefixes.flatMap((prefix) => groupLines(prefix, words)).join('\n')}
${words.commands.flatMap((command) => commandLines(command, words)).join('\n')}`;
}

function calls({ commands, topics }: CompletionWords): string {
  return [...commands.map(({ call }) => call), ...Object.keys(topics)].map(quoteFish).join(' ');
}

function groupLines(prefix: string, words: CompletionWords): string[] {
  return [...wordsBelow(words, prefix)].map(
    ([word, summary]) => `${line(prefix)} -a ${quoteFish(word)} -d ${quoteFish(summary)}`,
  );
}

function commandLines(command: CompletedCommand, { listings }: CompletionWords): string[] {
  const listing = listings[command.subject];
  const flags = command.flags.map((flag) => `${line(command.call)} ${flagWords(flag)}`);
  if (command.choices.length > 0) return [...flags, `${line(command.call)} -a ${quoteFish(command.choices.join(' '))}`];
  if (listing !== undefined) return [...flags, `${line(command.call)} -a ${quoteFish(`(${listing} 2>/dev/null)`)}`];
  return command.subject === 'nothing' ? flags : [...flags, `${line(command.call)} -F`];
}

function line(call: string): string {
  return `complete -c hutch -n ${quoteFish(`__hutch_call ${quoteFish(call)}`)}`;
}

function flagWords({ choices, description, spellings, takesValue }: CompletedFlag): string {
  const names = spellings.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = choices.length > 0 ? ` -x -a ${quoteFish(choices.join(' '))}` : ' -r -F';
  return `${names.join(' ')}${takesValue ? value : ''} -d ${quoteFish(description.replace(/\s+/gu, ' '))}`;
}

/** `text` as one word of fish, where only \\ and ' are special between single quotes. */
function quoteFish(text: string): string {
  return `'${text.replace(/[\\']/gu, String.raw`\$&`)}'`;
}
