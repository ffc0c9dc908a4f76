/** From the words of the user to one of all commands; CLI process. */

import { EXIT_HUTCH, EXIT_OK } from '../errors/exit-codes.ts';
import { findCommand } from './find-command.ts';
import { isHelpWanted } from './help-wanted.ts';
import { makeOclifConfig } from './oclif-config.ts';

/** Runs the command, or shows the help, that `argv` (without node and program) calls. Returns the exit code. */
export async function dispatch(argv: readonly string[]): Promise<number> {
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

async function help(words: readonly string[], exitCode = EXIT_OK): Promise<number> {
  const { showHelp } = await import('./help.ts');
  await showHelp(words);
  return exitCode;
}
