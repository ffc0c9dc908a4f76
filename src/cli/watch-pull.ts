/** A pull that the user sees and can stop; CLI process. */

import type { PullEars } from '../engine/image/pull-events.ts';
import { interruptible } from './interrupted.ts';
import { showPull } from './progress/show-pull.ts';

const CONSEQUENCE = 'what was downloaded is kept, and the next pull goes on from there';

/** Runs `work` with its progress on stderr (none with `isQuiet`). Interrupted on a signal. */
export async function watchPull<T>(
  { isQuiet }: { readonly isQuiet: boolean },
  work: (ears: PullEars) => Promise<T>,
): Promise<T> {
  const display = showPull({ isQuiet });
  try {
    return await interruptible(CONSEQUENCE, (signal) => work({ signal, hear: (event) => display.hear(event) }));
  } finally {
    display.close();
  }
}
