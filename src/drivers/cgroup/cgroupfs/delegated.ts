/** The subtree of cgroups that somebody has delegated to this process, such as a system service with `User=` and `Delegate=yes`; on the host's side. */
import { dirname, join } from 'node:path';
import { isWritable } from '../../../host/is-writable.ts';
import { CGROUP_ROOT, cgroupOfProcess } from '../subtree.ts';

/** What must be writable in a cgroup that was delegated. Source: cgroup-v2.rst, "Model of Delegation". */
const DELEGATED_FILES = ['.', 'cgroup.procs', 'cgroup.subtree_control'];

/** The uppermost cgroup above this process that it may change; null when it may not even change its own. */
export function delegatedRoot(own = cgroupOfProcess('self'), root = CGROUP_ROOT): string | null {
  let found: string | null = null;
  for (let path = own; path !== null && isWithin(path, root) && isDelegated(path); path = dirname(path)) found = path;
  return found;
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

function isDelegated(path: string): boolean {
  return DELEGATED_FILES.every((name) => isWritable(join(path, name)));
}
