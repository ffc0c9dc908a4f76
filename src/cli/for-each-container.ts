/** Doing the same with each of several containers: one that fails does not keep the others from it; CLI process. */
import { EXIT_OK, exitCodeOf } from './exit-codes.ts';
import { presentError } from './present-error.ts';

/** Returns the exit code of the command: that of the last failure, if there was one. */
export async function forEachContainer(
  words: readonly string[],
  work: (word: string) => Promise<void>,
): Promise<number> {
  let code: number = EXIT_OK;
  for (const word of words) {
    try {
      await work(word);
    } catch (error) {
      presentError(error);
      code = exitCodeOf(error);
    }
  }
  return code;
}
