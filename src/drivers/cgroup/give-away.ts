/** Letting another user divide a cgroup; on the host's side, as root. Source: Documentation/admin-guide/cgroup-v2.rst, "Model of Delegation". */
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';

/** Without the files of the limits: those stay out of reach. */
const DELEGATED = ['.', 'cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control'];

/** Does nothing for whoever is no root: what they make belongs to them. CGROUP_FAILED. */
export function giveAway(directory: string, owner: number): void {
  if (process.getuid?.() !== 0) return;
  try {
    for (const name of DELEGATED) chownSync(join(directory, name), owner, owner);
  } catch (cause) {
    throw new HutchError(`cannot give ${directory} to id ${String(owner)}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'CGROUP_FAILED',
      hint: 'do without --systemd',
      cause,
    });
  }
}
