/** Prints what the doctor finds as JSON; a process of its own, started by examine.ts. */

import { writeSync } from 'node:fs';
import { examineHost } from '../../../src/engine/system/doctor.ts';

writeSync(1, JSON.stringify(await examineHost()));
