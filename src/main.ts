/** The `hutch` program: the CLI process of every command. */

import { dispatch } from './cli/dispatch.ts';
import { presentError } from './cli/present-error.ts';
import { runCli } from './cli/run-cli.ts';

process.on('uncaughtException', (error) => process.exit(presentError(error)));
// All output is written synchronously, so nothing is lost by leaving at once; waiting for idle handles costs time.
void runCli(process.argv.slice(2), dispatch).then((exitCode) => process.exit(exitCode));
