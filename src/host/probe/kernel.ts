/** What the kernel is and allows: release, limits on namespaces, seccomp; on the host's side. */
import { release } from 'node:os';
import { admin, failed, fine, type Finding, type Topic } from './finding.ts';
import { readNumber, readText } from './read-text.ts';

export const KERNEL: Topic = { id: 'kernel', title: 'kernel release', needed: true };
export const NAMESPACE_LIMITS: Topic = { id: 'namespace-limits', title: 'limits on namespaces', needed: true };
export const SECCOMP: Topic = { id: 'seccomp', title: 'seccomp filters', needed: true };

/** openat2(2) came with 5.6, overlayfs for users with 5.11, mount_setattr(2) with 5.12. */
const OLDEST = [5, 12] as const;

export function probeKernel(kernel = release()): Finding {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return fine(KERNEL, kernel);
  return failed(KERNEL, kernel, {
    cause: `Linux ${OLDEST.join('.')} or newer is needed: it brought mount_setattr(2), with which hutch makes mounts read-only`,
    fix: [admin('install a newer kernel and reboot')],
  });
}

/** Kinds of namespaces that every container has, by their names in /proc/sys/user. */
const KINDS = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time'] as const;
/** Two user namespaces for a container and one for a helper at work, with room for a second container. */
const ENOUGH = 8;

type Limits = Readonly<Partial<Record<(typeof KINDS)[number], number>>>;

/** Limits are per user and user namespace; 0 forbids. Source: namespaces(7). */
export function probeNamespaceLimits(limits: Limits = readLimits()): Finding {
  const low = KINDS.filter((kind) => (limits[kind] ?? Infinity) < ENOUGH);
  if (low.length === 0) return fine(NAMESPACE_LIMITS, `at least ${Math.min(...Object.values(limits))} of each kind`);
  return failed(NAMESPACE_LIMITS, low.map((kind) => `user.max_${kind}_namespaces = ${limits[kind] ?? 0}`).join(', '), {
    cause: 'the kernel answers "No space left on device" when a user has made that many namespaces',
    fix: low.map((kind) => admin(`sysctl -w user.max_${kind}_namespaces=15000`)),
  });
}

function readLimits(): Limits {
  const pairs = KINDS.map((kind) => [kind, readNumber(`/proc/sys/user/max_${kind}_namespaces`)] as const);
  return Object.fromEntries(pairs.filter(([, limit]) => limit !== null));
}

/** What the filter of a container answers with. */
const ACTIONS = ['allow', 'errno', 'kill_process'];

/** @param actions the text of /proc/sys/kernel/seccomp/actions_avail; null when there is no such file. Source: seccomp(2). */
export function probeSeccomp(actions = readText('/proc/sys/kernel/seccomp/actions_avail')): Finding {
  const missing = ACTIONS.filter((action) => !(actions ?? '').split(/\s+/u).includes(action));
  if (missing.length === 0) return fine(SECCOMP, `actions: ${actions ?? ''}`);
  return failed(SECCOMP, actions === null ? 'no /proc/sys/kernel/seccomp' : `without ${missing.join(', ')}`, {
    cause: 'this kernel was built without CONFIG_SECCOMP_FILTER',
    fix: [admin('boot a kernel with CONFIG_SECCOMP_FILTER'), YOU_UNCONFINED],
  });
}

const YOU_UNCONFINED = {
  who: 'you',
  text: 'hutch run --security-opt seccomp=unconfined …, knowing what that gives up',
} as const;
