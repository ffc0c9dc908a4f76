/** Moving a process that comes later to where the container's first one is; on the host's side. */
import type { CgroupRecord } from '../../state/container-state.ts';
import { cgroupDriver } from './select.ts';
import { cgroupOfProcess } from './subtree.ts';

/**
 * Moves process `pid` into the cgroup of `first`, which a container that divides its own, such as a systemd, has moved further down: the kernel
 * lets no process into the leaf any more. It may happen just now. CGROUP_FAILED.
 */
export async function joinBeside(record: CgroupRecord, first: number, pid: number): Promise<void> {
  const place = placeOf(record, first);
  try {
    await cgroupDriver(record.driver).join(record, pid, place);
  } catch (error) {
    const now = placeOf(record, first);
    if (now === place) throw error;
    await cgroupDriver(record.driver).join(record, pid, now);
  }
}

/** Within the leaf, whatever /proc says. */
function placeOf({ path }: CgroupRecord, first: number): string {
  const own = cgroupOfProcess(first);
  return own?.startsWith(`${path}/`) === true ? own : path;
}
