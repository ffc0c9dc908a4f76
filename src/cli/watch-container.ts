/** The monitor of a container that `hutch run` has made, and how its end is shown; CLI process. */

import { watchHereUntil, type WatchHere } from '../engine/container/watch-here.ts';
import { presentError } from './present-error.ts';

/** Looks after the container to its end, and ends the process as that demands. */
export const watchContainer: WatchHere = (options) => {
  watchHereUntil(
    options,
    (exitCode) => process.exit(exitCode),
    (error) => process.exit(presentError(error)),
  );
};
