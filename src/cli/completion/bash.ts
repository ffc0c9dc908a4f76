/** The completion script for bash 4; pure, CLI process. Source: bash(1), "Programmable Completion". */

import { quoteShell, valueFlagsOf, wordsBelow } from './shell-parts.ts';
import type { CompletedCommand, CompletionWords } from './words.ts';

/** A function that finds the command in the typed words, then offers its flags, its arguments or deeper commands. */
export function renderBash(words: CompletionWords): string {
  return `# bash completion for hutch
_hutch() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous='' call='' next word index
  [ "$COMP_CWORD" -gt 1 ] && previous=\${COMP_WORDS[COMP_CWORD-1]}
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    next="\${call:+$call }$word"
    case "$next" in
      ${callsPattern(words)}) call=$next ;;
      *) break ;;
    esac
  done
  local flags='' values='' choices='' subject=''
  case "$call" in
${words.commands.map(caseOf).join('\n')}
${groupCases(words)}
  esac
  case " $values " in
    *" $previous "*) [ -n "$previous" ] && { _hutch_value "$call $previous"; return; } ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) _hutch_argument ;;
  esac
}
_hutch_argument() {
  local names=$choices
  case "$subject" in
${listingCases(words)}    file) [ -z "$choices" ] && { COMPREPLY=($(compgen -f -- "$current")); return; } ;;
  esac
  COMPREPLY=($(compgen -W "$names" -- "$current"))
  __ltrimcolon_completions "$current" 2>/dev/null
}
_hutch_value() {
  case "$1" in
${valueCases(words)}    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o bashdefault -o default -F _hutch hutch
`.trimEnd();
}

function callsPattern({ commands, topics }: CompletionWords): string {
  return [...commands.map(({ call }) => call), ...Object.keys(topics)].map((call) => quoteShell(call)).join(' | ');
}

function caseOf(command: CompletedCommand): string {
  const flags = command.flags.flatMap(({ spellings }) => spellings).join(' ');
  const parts = [`flags=${quoteShell(flags)}`, `values=${quoteShell(valueFlagsOf(command).join(' '))}`];
  parts.push(`choices=${quoteShell(command.choices.join(' '))}`, `subject=${command.subject}`);
  return `    ${quoteShell(command.call)}) ${parts.join(' ')} ;;`;
}

/** Words that have words below them but run nothing themselves. */
function groupCases(words: CompletionWords): string {
  const isCommand = (call: string): boolean => words.commands.some((command) => command.call === call);
  return ['', ...Object.keys(words.topics)]
    .filter((prefix) => !isCommand(prefix))
    .map((prefix) => {
      const below = [...wordsBelow(words, prefix).keys()].join(' ');
      return `    ${quoteShell(prefix)}) choices=${quoteShell(below)} flags='--help' ;;`;
    })
    .join('\n');
}

function listingCases({ listings }: CompletionWords): string {
  return Object.entries(listings)
    .map(([subject, listing]) => `    ${subject}) names=$(${listing} 2>/dev/null) ;;\n`)
    .join('');
}

function valueCases({ commands }: CompletionWords): string {
  const withChoices = commands.flatMap(({ call, flags }) =>
    flags.flatMap(({ choices, spellings }) =>
      choices.length === 0 ? [] : spellings.map((spelling) => ({ pattern: `${call} ${spelling}`, choices })),
    ),
  );
  return withChoices
    .map(
      ({ choices, pattern }) =>
        `    ${quoteShell(pattern)}) COMPREPLY=($(compgen -W ${quoteShell(choices.join(' '))} -- "$current")) ;;\n`,
    )
    .join('');
}
