/** The `watch` program: the part of `hutch run` that lives as long as the container, loaded by the `run` program into its own process. */

import { presentError } from './cli/present-error.ts';
import { watchContainer } from './cli/watch-container.ts';

process.on('uncaughtException', (error) => process.exit(presentError(error)));

export const watchHere = watchContainer;
