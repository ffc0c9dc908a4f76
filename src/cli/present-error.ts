/** How an error looks on the user's terminal, and the exit code it becomes; CLI process. */

import { HutchError } from '../errors/hutch-error.ts';
import { paint } from './colour.ts';
import { EXIT_OK, exitCodeOf } from '../errors/exit-codes.ts';
import { Interrupted } from './interrupted.ts';
import { ReaderGone, writeErr } from './output.ts';

/** Prints `error` to stderr and returns the exit code for it. A closed stdout is no error: the reader had enough. */
export function presentError(error: unknown): number {
  if (error instanceof ReaderGone) return EXIT_OK;
  if (error instanceof Interrupted) {
    writeErr(`hutch: ${error.message}\n`);
    return error.exitCode;
  }
  writeErr(error instanceof HutchError ? renderError(error) : renderBug(error));
  return exitCodeOf(error);
}

/** What failed, and under it what to do about it. */
export function renderError(error: HutchError): string {
  const lines = [`${paint('red', 'hutch:')} ${error.message}`];
  if (error.hint !== undefined) lines.push(`  ${paint('green', 'fix:')} ${error.hint}`);
  return `${lines.join('\n')}\n`;
}

/** Anything but a HutchError should not have happened; the stack is for the report. */
export function renderBug(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${paint('red', 'hutch:')} this is a bug in hutch, please report it with the lines below\n${stack}\n`;
}
