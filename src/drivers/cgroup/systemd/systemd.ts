/** Cgroup driver `systemd`: a delegated scope from the manager of the user, who asks the system's one for what it may not do itself; on the host's side. */
import { dirname } from 'node:path';
import { HutchError, errnoOf } from '../../../errors/hutch-error.ts';
import { siblingSettings } from '../../../oci/cgroup-settings.ts';
import type { CgroupRecord } from '../../../state/container-state.ts';
import type { CgroupDriver, CgroupRequest, Preparation } from '../driver.ts';
import { applySettings } from '../apply-settings.ts';
import { cgroupOfProcess, killTree, layOut, moveProcess, PAYLOAD_GROUP } from '../subtree.ts';
import { takeManager, type Manager } from './systemd-calls.ts';

export const systemdDriver: CgroupDriver = {
  name: 'systemd',
  prepare: () => {
    const opening = takeManager();
    opening.catch(() => undefined);
    return new Prepared(opening);
  },
  join: async (record, pid, place) => {
    try {
      // Whoever is in the same scope already may do it alone.
      moveProcess(place, pid);
    } catch (error) {
      if (!['EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
      using manager = await takeManager();
      await manager.attach(record.unit ?? '', `/${PAYLOAD_GROUP}${place.slice(record.path.length)}`, [pid]);
    }
  },
  weigh: async (record, settings) => {
    if (settings.length === 0) return;
    // systemd would put back what it does not know of.
    using manager = await takeManager();
    await manager.setProperties(record.unit ?? '', settings);
    applySettings(dirname(record.path), settings);
  },
  // The scope and all below it go with their last process.
  leave: () => undefined,
  remove: (record) => killTree(dirname(record.path)),
};

class Prepared implements Preparation {
  private readonly opening: Promise<Manager>;

  constructor(opening: Promise<Manager>) {
    this.opening = opening;
  }

  async make({ name, parent, ...rest }: CgroupRequest): Promise<CgroupRecord> {
    const manager = await this.opening;
    const unit = `${name}.scope`;
    const settings = siblingSettings(rest.settings);
    await manager.startScope({ ...rest, settings, unit, slice: parent });
    const directory = await this.gather(manager, unit, rest.processes);
    const path = layOut(directory);
    applySettings(directory, settings);
    return { driver: 'systemd', path, unit };
  }

  [Symbol.dispose](): void {
    void this.opening.then((manager) => manager[Symbol.dispose]()).catch(() => undefined);
  }

  /** The job of systemd may be done although a process was not moved, such as one that was a zombie. Those are tried once more. */
  private async gather(manager: Manager, unit: string, processes: readonly number[]): Promise<string> {
    const [first = 0] = processes;
    const directory = cgroupOfProcess(first);
    if (directory?.endsWith(`/${unit}`) !== true)
      throw new HutchError(`systemd has started ${unit} without process ${String(first)} in it`, {
        code: 'CGROUP_FAILED',
        hint: 'try again; if it stays so, see `journalctl --user`, or run without limits by --cgroup-driver none',
      });
    const missing = processes.filter((pid) => isElsewhere(pid, directory));
    if (missing.length > 0) await manager.attach(unit, '/', missing);
    return directory;
  }
}

function isElsewhere(pid: number, directory: string): boolean {
  const own = cgroupOfProcess(pid);
  return own !== null && own !== directory;
}
