/** Holding all processes of a cgroup and letting them go again; on the host's side. Source: cgroup-v2.rst, cgroup.freeze. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HutchError } from '../../errors/hutch-error.ts';
import { writeValue } from './subtree.ts';

const TIMEOUT_MS = 5000;
const LOOK_AGAIN_MS = 2;

/** Resolves when every process in `directory` stands still. CGROUP_FAILED when one does not in time; then all go on. */
export async function freeze(directory: string): Promise<void> {
  write(directory, '1');
  const deadline = Date.now() + TIMEOUT_MS;
  while (!isFrozen(directory)) {
    if (Date.now() > deadline) {
      thaw(directory);
      throw new HutchError(`not every process in ${directory} could be held`, {
        code: 'CGROUP_FAILED',
        hint: 'one of them waits for something that cannot be interrupted, such as a disk; try again',
      });
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

export function thaw(directory: string): void {
  write(directory, '0');
}

function isFrozen(directory: string): boolean {
  return /^frozen 1$/mu.test(readFileSync(join(directory, 'cgroup.events'), 'utf8'));
}

function write(directory: string, value: string): void {
  writeValue(join(directory, 'cgroup.freeze'), value);
}
