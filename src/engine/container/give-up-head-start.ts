/** Ending an init that was forked off for a run that does not come to use it; in the CLI process. */
import { discard, type HeadStart } from '../../monitor/head-start.ts';

export type { HeadStart } from '../../monitor/head-start.ts';

/** Returns when nothing of it is left. */
export function giveUpHeadStart(headStart: HeadStart): void {
  discard(headStart);
}
