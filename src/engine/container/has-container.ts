/** `hutch container exists`: whether there is a container, whatever it does; in the CLI process. */
import { isHutchError } from '../../errors/hutch-error.ts';
import { findContainer } from '../../state/container-record.ts';
import { locateStore } from '../../state/store.ts';

/** True for the name, the id, or the beginning of the id of a container. NAME_AMBIGUOUS, RECORD_CORRUPT. */
export function hasContainer(word: string): boolean {
  try {
    findContainer(locateStore(), word);
    return true;
  } catch (error) {
    if (isHutchError(error, 'CONTAINER_UNKNOWN')) return false;
    throw error;
  }
}
