/** An init that was forked off for a run of which only the words are known yet; in the CLI process. */
import { askForNetwork, discard, type HeadStart } from '../../monitor/head-start.ts';

export type { HeadStart } from '../../monitor/head-start.ts';

/** Whatever they say of a network. */
const NAMES_NETWORK = /^--net(?:work)?(?:=|$)/u;

/** Has it make the network that the last run had, where the words of this one do not say otherwise. */
export function prepareHeadStart(headStart: HeadStart, words: readonly string[]): void {
  if (headStart.hasHelper && !words.some((word) => NAMES_NETWORK.test(word))) askForNetwork(headStart);
}

/** Ends one that the run does not come to use. Returns when nothing of it is left. */
export function giveUpHeadStart(headStart: HeadStart): void {
  discard(headStart);
}
