/** `hutch --help` and its kin, by oclif's help classes; CLI process, loaded only when help is asked for. */

import { Help } from '@oclif/core/help';
import type { Command } from '@oclif/core/command';
import { hasColour } from './colour.ts';
import { COMMANDS, TOPICS, type CommandClass } from './command-table.ts';
import { findCommand } from './find-command.ts';
import { makeOclifConfig, type ListedCommand, type ListedTopic } from './oclif-config.ts';
import { writeOut } from './output.ts';

const STDOUT = 1;

/** Prints help for `words`: all of hutch for none, a topic, or one command. Throws USAGE_INVALID for unknown words. */
export async function showHelp(words: readonly string[]): Promise<void> {
  const help = new HutchHelp(makeOclifConfig(listCommands(), listTopics()), {
    docopts: false,
    maxWidth: helpWidth(),
    stripAnsi: !hasColour(STDOUT),
  });
  if (words.length === 0) return help.showRootHelp();
  const found = findCommand(words);
  if (found.kind === 'topic') return help.showTopic(found.name);
  const { default: command } = await found.row.load();
  help.showCommand(found.name, command);
}

/** The usage line of a command: its words, then its arguments in order. */
export function usageOf(name: string, { args }: Pick<CommandClass, 'args'>): string {
  const positionals = Object.entries(args).map(([argument, { multiple, required }]) => {
    const word = `${argument.toUpperCase()}${multiple === true ? '...' : ''}`;
    return required === true ? word : `[${word}]`;
  });
  return [name, '[FLAGS]', ...positionals].join(' ');
}

class HutchHelp extends Help {
  override async showRootHelp(): Promise<void> {
    await super.showRootHelp();
    this.log('Help for one command: hutch COMMAND --help');
  }

  async showTopic(name: string): Promise<void> {
    await this.showTopicHelp({ name, description: TOPICS[name] ?? '' });
  }

  /** oclif would print the summary again at the head of the description. */
  showCommand(name: string, command: CommandClass): void {
    this.log(`${COMMANDS[name]?.summary ?? name}\n`);
    this.log(this.formatCommand(describeCommand(name, command)));
  }

  protected override log(...lines: readonly string[]): void {
    writeOut(`${lines.join(' ')}\n`);
  }
}

/** What oclif's help reads of a command, where it expects a record cached on disk. */
function describeCommand(name: string, command: CommandClass): Command.Loadable {
  const row = COMMANDS[name];
  const described = {
    id: name,
    aliases: [...(row?.aliases ?? [])],
    hiddenAliases: [],
    hidden: false,
    description: command.description,
    usage: command.usage ?? usageOf(name, command),
    examples: command.examples,
    args: mapNames(command.args),
    flags: { ...command.flags, ...command.baseFlags },
    load: () => Promise.reject(new Error('help never runs a command')),
  };
  return described as unknown as Command.Loadable;
}

/** oclif's parser writes each argument's name into it; help comes before any parsing. */
function mapNames(record: Readonly<Record<string, object>>): Record<string, object> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, { ...value, name }]));
}

/** Names and, below a topic, aliases too: `hutch container --help` shows `container rm`. */
function listCommands(): readonly ListedCommand[] {
  return Object.entries(COMMANDS).flatMap(([name, { summary, aliases = [] }]) => {
    const calls = [name, ...aliases.filter((alias) => alias.includes(' '))];
    return calls.map((call) => ({ id: call.replaceAll(' ', ':'), summary, aliases: [], hidden: false }));
  });
}

/** oclif lists a topic only when something below it exists, so the commands below it are topics here too. */
function listTopics(): readonly ListedTopic[] {
  const topics = Object.entries(TOPICS).map(([name, description]) => ({ name, description }));
  const below = listCommands().filter(({ id }) => id.includes(':'));
  return [...topics, ...below.map(({ id, summary }) => ({ name: id, description: summary }))];
}

function helpWidth(): number {
  const columns = Number(process.env['COLUMNS'] ?? process.stdout.columns);
  return columns >= 40 ? Math.min(columns, 120) : 80;
}
