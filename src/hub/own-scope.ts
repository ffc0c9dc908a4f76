/** Leaving the cgroup of the container, or the session, whose monitor has started the hub; in the hub, on the host's side. */
import { DEFAULT_PARENT } from '../drivers/cgroup/driver.ts';
import { chooseCgroupDriver } from '../drivers/cgroup/select.ts';
import { takeManager } from '../drivers/cgroup/systemd/systemd-calls.ts';
import { isHutchError } from '../errors/hutch-error.ts';

const STOP_SECONDS = 5;

/**
 * Moves these processes into a scope of their own where a systemd looks after the user: the end of one container, or of the login that it was started
 * from, is not that of the networks of the others. Elsewhere they stay where they are, and a hub that goes with somebody else is followed by another.
 */
export async function takeOwnScope(processes: readonly number[]): Promise<void> {
  const { name } = await chooseCgroupDriver();
  if (name !== 'systemd') return;
  try {
    using manager = await takeManager();
    await manager.startScope({
      unit: `hutch-networks-${String(process.pid)}.scope`,
      slice: DEFAULT_PARENT.systemd,
      description: 'networks of hutch containers',
      processes,
      stopTimeoutSeconds: STOP_SECONDS,
      settings: [],
    });
  } catch (error) {
    if (!isHutchError(error, 'CGROUP_FAILED')) throw error;
  }
}
