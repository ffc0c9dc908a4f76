/** What there is to complete: commands, their flags and the kind of their arguments; CLI process. */

import type { FlagInput } from '@oclif/core/interfaces';
import { COMMANDS, TOPICS } from '../command-table.ts';
import type { CommandClass } from '../command-table.ts';

/** What a positional argument of a command names, by the name the command gives it. */
export type Subject = 'container' | 'image' | 'network' | 'file' | 'nothing';

export interface CompletedFlag {
  /** `-q` and `--quiet`, short first. */
  readonly spellings: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

export interface CompletedCommand {
  /** One way to call it: `images`, or its alias `image ls`. */
  readonly call: string;
  readonly summary: string;
  readonly flags: readonly CompletedFlag[];
  readonly subject: Subject;
  readonly choices: readonly string[];
}

export interface CompletionWords {
  readonly commands: readonly CompletedCommand[];
  /** Words that only group commands, with their description. */
  readonly topics: Readonly<Record<string, string>>;
  /** The command line that prints the names of a kind, for the kinds whose command exists. */
  readonly listings: Readonly<Partial<Record<Subject, string>>>;
}

const LISTINGS: Readonly<Record<string, readonly [Subject, string]>> = {
  ps: ['container', "hutch ps -a --format '{{.Names}}'"],
  'network ls': ['network', "hutch network ls --format '{{.Name}}'"],
  images: ['image', "hutch images --format '{{.Repository}}:{{.Tag}}'"],
};

/** Loads every command and collects its words. */
export async function collectWords(): Promise<CompletionWords> {
  const commands = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, { aliases = [], load, summary }]) => {
      const { default: command } = await load();
      return [name, ...aliases].map((call) => describe(call, summary, command));
    }),
  );
  const flat = commands.flat();
  const used = Object.entries(TOPICS).filter(([topic]) => flat.some(({ call }) => call.startsWith(`${topic} `)));
  const listings = Object.entries(LISTINGS).filter(([command]) => Object.hasOwn(COMMANDS, command));
  return {
    commands: flat,
    topics: Object.fromEntries(used),
    listings: Object.fromEntries(listings.map(([, listing]) => listing)),
  };
}

function describe(call: string, summary: string, command: CommandClass): CompletedCommand {
  const [first] = Object.entries(command.args);
  const declared: FlagInput = { ...command.flags, ...command.baseFlags };
  const flags = Object.entries(declared).filter(([, flag]) => flag.hidden !== true);
  return {
    call,
    summary,
    subject: subjectOf(first?.[0]),
    choices: first?.[1].options ?? [],
    flags: flags.map(([name, flag]) => ({
      spellings: flag.char === undefined ? [`--${name}`] : [`-${flag.char}`, `--${name}`],
      description: flag.summary ?? flag.description ?? '',
      takesValue: flag.type === 'option',
      choices: flag.type === 'option' ? (flag.options ?? []) : [],
    })),
  };
}

/** `static args = { container: … }` and `{ image: … }` are completed by name, anything else as a file. */
function subjectOf(argument: string | undefined): Subject {
  if (argument === undefined) return 'nothing';
  if (argument.startsWith('container')) return 'container';
  if (argument.startsWith('network')) return 'network';
  return argument.startsWith('image') ? 'image' : 'file';
}
