/** `hutch run -d`, while its processes are killed at random moments. */

import { runUnderFire } from './run-under-fire.ts';

await runUnderFire('hutch run -d under fire', [['-d'], ['-d', '--rm']]);
