/** `hutch run` and `hutch container run` in a program of their own, which the launcher starts; CLI process. */

import Run from '../../commands/run.ts';
import { giveUpHeadStart, prepareHeadStart, type HeadStart } from '../engine/container/head-start.ts';
import type { WatchHere } from '../engine/container/watch-here.ts';
import { isHelpWanted } from './help-wanted.ts';
import { makeOclifConfig } from './oclif-config.ts';

export type { HeadStart } from '../engine/container/head-start.ts';

/** What the `run` program gives to the code that it loads. */
export interface Start {
  /** An init that was forked off for this run. */
  readonly headStart: HeadStart | undefined;
  /** Loads another program into this process. */
  readonly load: (name: 'hutch' | 'watch') => unknown;
}

let handedOver: Parameters<WatchHere>[0] | undefined;

/**
 * Runs the command that `argv` (without node and program) calls. Its help, and what is no run at all, is left to the whole of hutch. An init that was
 * forked off for it and that it does not come to use ends.
 */
export async function dispatchRun(argv: readonly string[], { headStart, load }: Start): Promise<number> {
  let unused = headStart;
  const take = (): HeadStart | undefined => {
    const taken = unused;
    unused = undefined;
    return taken;
  };
  const giveUp = (): void => {
    const taken = take();
    if (taken !== undefined) giveUpHeadStart(taken);
  };
  const words = argv[0] === 'run' ? 1 : 2;
  const rest = argv.slice(words);
  if (argv[words - 1] !== 'run' || isHelpWanted(Run, rest)) {
    giveUp();
    return becomeWhole(load);
  }
  if (headStart !== undefined) prepareHeadStart(headStart, rest);
  Run.id = 'run';
  Run.takeHeadStart = take;
  Run.peekHeadStart = () => unused;
  Run.handOver = (options) => {
    handedOver = options;
    return Promise.resolve(0);
  };
  try {
    return await new Run([...rest], makeOclifConfig()).run();
  } finally {
    giveUp();
  }
}

/**
 * Ends the process, or turns it into the monitor of the container that was made. That is a program of its own (`src/watch.ts`) in the same process:
 * nothing refers to this one from then on, so that its code and its source, two thirds of all, are no burden as long as the container lives.
 */
export function endRun(exitCode: number, load: Start['load']): void {
  const options = handedOver;
  if (options === undefined) return process.exit(exitCode);
  handedOver = undefined;
  process.removeAllListeners('uncaughtException');
  (load('watch') as { watchHere: WatchHere }).watchHere(options);
}

/** It reads the same words, and ends the process. */
function becomeWhole(load: Start['load']): Promise<never> {
  load('hutch');
  return new Promise<never>(() => undefined);
}
