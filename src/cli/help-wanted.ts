/** Whether the words of a command ask for its help; pure, CLI process. */

import { asksForHelp, splitAnywhere, splitAtFirstPositional } from './arguments.ts';
import type { CommandClass } from './command-table.ts';

/** False for `--help` among the words of a payload. */
export function isHelpWanted(command: CommandClass, argv: readonly string[]): boolean {
  if (!argv.includes('--help') && !argv.includes('-h')) return false;
  const flags = { ...command.baseFlags, ...command.flags };
  const split = command.stopsAtFirstPositional ? splitAtFirstPositional(argv, flags) : splitAnywhere(argv, flags);
  return asksForHelp(split);
}
