/** The `run` program: the CLI process of `hutch run` alone, until the container is made. A quicker start, and a smaller monitor, than with the whole. */

import { dispatchRun, endRun } from './cli/dispatch-run.ts';
import { presentError } from './cli/present-error.ts';
import { runCli } from './cli/run-cli.ts';

process.on('uncaughtException', (error) => process.exit(presentError(error)));
void runCli(process.argv.slice(2), dispatchRun).then(endRun);
