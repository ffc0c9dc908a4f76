/** Finding a cgroup driver: by its name, or the best one of this host. Cheap, as every start pays for it; on the host's side. */
import { isUnified, managerCgroup, managerSockets, readControllers } from '../../host/probe/cgroup.ts';
import { cgroupfsDriver } from './cgroupfs/cgroupfs.ts';
import { delegatedRoot } from './cgroupfs/delegated.ts';
import type { CgroupDriver, CgroupDriverName, CgroupMaker, CgroupVerdict } from './driver.ts';
import { warmManager } from './systemd/systemd-calls.ts';
import { systemdDriver } from './systemd/systemd.ts';

const DRIVERS: Readonly<Record<CgroupMaker, CgroupDriver>> = { systemd: systemdDriver, cgroupfs: cgroupfsDriver };

/** The driver of a name. */
export function cgroupDriver(name: CgroupMaker): CgroupDriver {
  return DRIVERS[name];
}

/** What this host offers: `wanted`, or the first that works. `none`, with the reason, when nothing does. */
export async function chooseCgroupDriver(wanted?: CgroupDriverName): Promise<CgroupVerdict> {
  if (wanted === 'none') return none('--cgroup-driver none was asked for');
  if (!isUnified()) return none('/sys/fs/cgroup is not the unified hierarchy of cgroup v2');
  const uid = process.getuid?.() ?? 0;
  const reasons: string[] = [];
  if (wanted !== 'cgroupfs') {
    const sockets = managerSockets();
    if (sockets.length > 0 && (await warmManager()))
      return { name: 'systemd', controllers: controllersOf(uid), reason: null };
    reasons.push(noManager(uid, sockets));
  }
  if (wanted !== 'systemd') {
    const root = delegatedRoot();
    if (root !== null) return { name: 'cgroupfs', controllers: readControllers(root), reason: null };
    reasons.push('the cgroup of this process is not delegated to it');
  }
  return none(reasons.join(', and '));
}

function controllersOf(uid: number): string[] {
  return readControllers(managerCgroup(uid));
}

function noManager(uid: number, sockets: readonly string[]): string {
  const missing = `/run/user/${String(uid)}/bus`;
  return sockets.length === 0
    ? `there is no systemd user manager for uid ${String(uid)} (${missing} is missing)`
    : `the systemd user manager for uid ${String(uid)} does not answer at ${sockets.join(' or ')}`;
}

function none(reason: string): CgroupVerdict {
  return { name: 'none', controllers: [], reason };
}
