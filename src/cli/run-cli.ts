/** One run of a CLI program: from the words of the user to an exit code; CLI process. */

import { presentError } from './present-error.ts';

/** Calls what `argv` (without node and program) asks for by `dispatch`, prints what fails, and returns the exit code. */
export async function runCli(
  argv: readonly string[],
  dispatch: (argv: readonly string[]) => Promise<number>,
): Promise<number> {
  try {
    return await dispatch(argv);
  } catch (error) {
    return presentError(error);
  }
}
