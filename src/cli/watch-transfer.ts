/** A pull or push that the user sees and can stop; CLI process. */

import type { TransferEars } from '../engine/image/transfer-events.ts';
import { interruptible } from './interrupted.ts';
import { showTransfer } from './progress/show-transfer.ts';

const AFTER_PULL = 'what was downloaded is kept, and the next pull goes on from there';
const AFTER_PUSH = 'the layers that are there already need not be sent again';

interface Watch {
  readonly isQuiet: boolean;
}

/** Runs `work` with its progress on stderr (none with `isQuiet`). Interrupted on a signal. */
export function watchPull<T>(watch: Watch, work: (ears: TransferEars) => Promise<T>): Promise<T> {
  return watched(watch, AFTER_PULL, work);
}

/** As watchPull, for a push. */
export function watchPush<T>(watch: Watch, work: (ears: TransferEars) => Promise<T>): Promise<T> {
  return watched(watch, AFTER_PUSH, work);
}

async function watched<T>(
  { isQuiet }: Watch,
  consequence: string,
  work: (ears: TransferEars) => Promise<T>,
): Promise<T> {
  const display = showTransfer({ isQuiet });
  try {
    return await interruptible(consequence, (signal) => work({ signal, hear: (event) => display.hear(event) }));
  } finally {
    display.close();
  }
}
