/** Doing the same with each of several containers: one that fails does not keep the others from it; CLI process. */
import { isHutchError } from '../errors/hutch-error.ts';
import { EXIT_OK, exitCodeOf } from '../errors/exit-codes.ts';
import { presentError } from './present-error.ts';

/** What a container, or network, that is not there is: an error, worth a line but no error (docker's `rm -f`), or nothing at all. */
export type IfUnknown = 'fail' | 'tell' | 'ignore';

/** Returns the exit code of the command: that of the last failure, if there was one. */
export async function forEachContainer(
  words: readonly string[],
  work: (word: string) => Promise<void>,
  ifUnknown: IfUnknown = 'fail',
): Promise<number> {
  let code: number = EXIT_OK;
  for (const word of words) {
    try {
      await work(word);
    } catch (error) {
      const isExcused = ifUnknown !== 'fail' && isHutchError(error, 'CONTAINER_UNKNOWN', 'NETWORK_UNKNOWN');
      if (!isExcused) code = exitCodeOf(error);
      if (!isExcused || ifUnknown === 'tell') presentError(error);
    }
  }
  return code;
}
