/** The exit codes of hutch itself, as docker and podman use them; in any process. */

import { isHutchError } from './hutch-error.ts';

export const EXIT_OK = 0;
/** hutch itself failed: bad flag, unknown image, missing host feature, or a bug. */
export const EXIT_HUTCH = 125;
/** The payload was found but cannot be executed. */
export const EXIT_NOT_EXECUTABLE = 126;
/** The payload was not found in the container. */
export const EXIT_NOT_FOUND = 127;

/** The exit code that tells a script what `error` was. */
export function exitCodeOf(error: unknown): number {
  if (isHutchError(error, 'COMMAND_NOT_EXECUTABLE')) return EXIT_NOT_EXECUTABLE;
  if (isHutchError(error, 'COMMAND_NOT_FOUND')) return EXIT_NOT_FOUND;
  return EXIT_HUTCH;
}
