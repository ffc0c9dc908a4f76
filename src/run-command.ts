/**
 * The `run-command` program: the CLI process of `hutch run` alone, until the container is made. A quicker start, and a smaller monitor, than with
 * the whole. The `run` program loads it.
 */

import { dispatchRun, endRun, type Start } from './cli/dispatch-run.ts';
import { presentError } from './cli/present-error.ts';
import { runCli } from './cli/run-cli.ts';

export function runCommand(start: Start): void {
  process.on('uncaughtException', (error) => process.exit(presentError(error)));
  void runCli(process.argv.slice(2), (argv) => dispatchRun(argv, start)).then((exitCode) => {
    endRun(exitCode, start.load);
  });
}
