/** Storing an image next to others who remove images; in the CLI process. */
import { isHutchError } from '../../errors/hutch-error.ts';

const MOST_ATTEMPTS = 10;

/** Another hutch may remove a layer between the look at it and the moment when the image holds it: then `attempt` is made once more. */
export async function storeWhole<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = MOST_ATTEMPTS; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 1 || !isHutchError(error, 'IMAGE_UNKNOWN') || error.context['isIncomplete'] !== true) throw error;
    }
  }
}
