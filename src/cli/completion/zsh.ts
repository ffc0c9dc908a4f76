/** The completion script for zsh; pure, CLI process. Source: zshcompsys(1). */

import { quoteShell, wordsBelow } from './shell-parts.ts';
import type { CompletedCommand, CompletedFlag, CompletionWords } from './words.ts';

/** One zsh function for each command, and one that finds the command in the typed words. */
export function renderZsh(words: CompletionWords): string {
  return `#compdef hutch
${Object.entries(words.listings).map(listingFunction).join('')}${words.commands.map((command) => commandFunction(command, words)).join('\n')}
${['', ...Object.keys(words.topics)].map((prefix) => groupFunction(prefix, words)).join('\n')}
_hutch() {
  local call='' next
  local -i index
  for ((index = 2; index < CURRENT; index++)); do
    next="\${call:+$call }\${words[index]}"
    (( $+functions[_hutch_call_\${next// /_}] )) || break
    call=$next
  done
  words=("\${call:-hutch}" "\${(@)words[index,-1]}")
  (( CURRENT = CURRENT - index + 2 ))
  _hutch_call_\${call// /_}
}
if [ "$funcstack[1]" = _hutch ]; then _hutch "$@"; else compdef _hutch hutch; fi`;
}

/** _arguments splits its words at colons, so a listing, which may print one, stands in a function of its own. */
function listingFunction([subject, listing]: readonly [string, string]): string {
  return `_hutch_list_${subject}() {
  local -a names=("\${(@f)$(${listing} 2>/dev/null)}")
  compadd -a names
}
`;
}

function commandFunction(command: CompletedCommand, words: CompletionWords): string {
  const lines = command.flags.map((flag) => `    ${flagSpecification(flag)}`);
  const action = argumentAction(command, words);
  if (action !== undefined) lines.push(`    ${quoteShell(`*:argument:${action}`)}`);
  return `${functionName(command.call)}() {\n  _arguments -s \\\n${lines.join(' \\\n')}\n}`;
}

function argumentAction({ choices, subject }: CompletedCommand, { listings }: CompletionWords): string | undefined {
  if (choices.length > 0) return `(${choices.join(' ')})`;
  if (subject === 'nothing') return undefined;
  return listings[subject] === undefined ? '_files' : `_hutch_list_${subject}`;
}

/** `'*'{-q,--quiet}'[print ids only]'` in the notation of _arguments; the star allows a flag again. */
function flagSpecification({ choices, description, spellings, takesValue }: CompletedFlag): string {
  const action = choices.length > 0 ? `(${choices.join(' ')})` : '_files';
  const text = description.replace(/\s+/gu, ' ').replace(/[[\]\\:]/gu, String.raw`\$&`);
  const tail = quoteShell(`[${text}]${takesValue ? `:value:${action}` : ''}`);
  const names = spellings.map((spelling) =>
    takesValue ? `${spelling}${spelling.startsWith('--') ? '=' : '+'}` : spelling,
  );
  return `'*'${names.length === 1 ? (names[0] ?? '') : `{${names.join(',')}}`}${tail}`;
}

function groupFunction(prefix: string, words: CompletionWords): string {
  if (words.commands.some(({ call }) => call === prefix)) return '';
  const below = [...wordsBelow(words, prefix)].map(([word, text]) =>
    quoteShell(`${word}:${text.replaceAll(':', String.raw`\:`)}`),
  );
  return `${functionName(prefix)}() {\n  local -a commands=(${below.join(' ')})\n  _describe command commands\n}`;
}

function functionName(call: string): string {
  return `_hutch_call_${call.replaceAll(' ', '_')}`;
}
