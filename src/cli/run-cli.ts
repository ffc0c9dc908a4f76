/** One run of the CLI: from the words of the user to an exit code; CLI process. */

import { asksForHelp, splitAnywhere, splitAtFirstPositional } from './arguments.ts';
import type { CommandClass } from './command-table.ts';
import { EXIT_HUTCH, EXIT_OK } from './exit-codes.ts';
import { findCommand } from './find-command.ts';
import { makeOclifConfig } from './oclif-config.ts';
import { presentError } from './present-error.ts';

/** Runs the command that `argv` (without node and program) calls, prints what fails, and returns the exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  try {
    return await dispatch(argv);
  } catch (error) {
    return presentError(error);
  } finally {
    if (process.env['HUTCH_PRELAUNCH'] !== undefined) await giveUpHeadStart();
  }
}

/** Nobody has taken the chain that the launcher has started: the words were wrong, or asked for help. */
async function giveUpHeadStart(): Promise<void> {
  const { discardHeadStart } = await import('../engine/container/discard-head-start.ts');
  discardHeadStart();
}

async function dispatch(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (first === undefined) return help([], EXIT_HUTCH);
  if (first === '--help' || first === '-h') return help([]);
  if (first === 'help') return help(argv.slice(1).filter((word) => !word.startsWith('-')));
  if (first === '--version' || first === '-v') return dispatch(['version', ...argv.slice(1)]);
  const found = findCommand(argv);
  if (found.kind === 'topic') return help([found.name], wantsTopicHelp(found.rest) ? EXIT_OK : EXIT_HUTCH);
  const { default: command } = await found.row.load();
  if (isHelpWanted(command, found.rest)) return help(found.name.split(' '));
  command.id = found.name;
  return new command([...found.rest], makeOclifConfig()).run();
}

function wantsTopicHelp(rest: readonly string[]): boolean {
  return rest.includes('--help') || rest.includes('-h');
}

function isHelpWanted(command: CommandClass, argv: readonly string[]): boolean {
  if (!argv.includes('--help') && !argv.includes('-h')) return false;
  const flags = { ...command.baseFlags, ...command.flags };
  const split = command.stopsAtFirstPositional ? splitAtFirstPositional(argv, flags) : splitAnywhere(argv, flags);
  return asksForHelp(split);
}

async function help(words: readonly string[], exitCode = EXIT_OK): Promise<number> {
  const { showHelp } = await import('./help.ts');
  await showHelp(words);
  return exitCode;
}
