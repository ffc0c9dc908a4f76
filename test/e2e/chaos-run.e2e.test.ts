/** `hutch run` in the foreground, while its processes are killed at random moments. */

import { runUnderFire } from './run-under-fire.ts';

await runUnderFire('hutch run in the foreground, under fire', [['--rm'], []]);
