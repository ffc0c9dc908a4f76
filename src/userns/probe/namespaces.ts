/** Making the other namespaces of a container inside a user namespace; on the host's side. Source: namespaces(7). */
import { admin, failed, fine, you, type Diagnosis, type Finding, type Topic } from '../../host/probe/finding.ts';
import { readMountTable, targetsBelowProc } from '../../host/probe/mount-table.ts';
import { tryInUserns, whyFailed } from './try-in-userns.ts';

export const MOUNT_NAMESPACE: Topic = { id: 'mount-namespace', title: 'mount namespace', needed: true };
export const PID_NAMESPACE: Topic = { id: 'pid-namespace', title: 'pid namespace and its /proc', needed: true };
export const NET_NAMESPACE: Topic = { id: 'net-namespace', title: 'network namespace', needed: true };
export const SMALL_NAMESPACES: Topic = {
  id: 'small-namespaces',
  title: 'uts, ipc and cgroup namespaces',
  needed: true,
};
export const TIME_NAMESPACE: Topic = { id: 'time-namespace', title: 'time namespace', needed: true };

interface Trial {
  readonly script: string;
  readonly detail: string;
  readonly explain: (reason: string) => Diagnosis;
}

async function probe(topic: Topic, { script, detail, explain }: Trial): Promise<Finding> {
  const reason = whyFailed(await tryInUserns(script));
  return reason === null ? fine(topic, detail) : failed(topic, reason, explain(reason));
}

/** Mounts a tmpfs, binds it elsewhere, makes the bind read-only, and sees that it is. */
export function probeMountNamespace(): Promise<Finding> {
  return probe(MOUNT_NAMESPACE, {
    script: `
at "mount a tmpfs"; mount -t tmpfs -o mode=755 tmpfs /tmp
at "bind it"; mkdir /tmp/a /tmp/b; mount --bind /tmp/a /tmp/b
at "make the bind read-only"; mount -o remount,bind,ro /tmp/b
at "find it read-only"; if touch /tmp/b/file 2>/dev/null; then exit 1; fi`,
    detail: 'mounted, bound, made read-only',
    explain: () => ({
      cause:
        'mounting in a user namespace is forbidden: by a security module, or a filter of the container around hutch',
      fix: [admin('journalctl -k -n 50 shows who denied it')],
    }),
  });
}

export function probePidNamespace(): Promise<Finding> {
  return probe(PID_NAMESPACE, {
    script: `
at "be process 1"; test "$$" = 1
at "mount proc"; mount -t proc proc /proc
at "see itself in it"; test "$(readlink /proc/self)" != "" && test -d /proc/1`,
    detail: 'process 1 of its own, proc mounted',
    explain: (reason) => explainProc(reason, targetsBelowProc(readMountTable())),
  });
}

/** @param covered mount targets below /proc: a proc that shows more than the one at hand is refused. */
export function explainProc(reason: string, covered: readonly string[]): Diagnosis {
  if (reason.startsWith('mount proc') && covered.length > 0) {
    return {
      cause: `parts of /proc are covered by other mounts (${covered.slice(0, 3).join(', ')}), so the kernel refuses to show a whole one`,
      fix: [
        you('hutch run --pid host … shows the /proc that is there'),
        you(
          'hutch runs in a container: start that one with its masks off (podman, docker: --security-opt unmask=ALL, systempaths=unconfined)',
        ),
        admin(`umount ${covered.join(' ')}`),
      ],
    };
  }
  return {
    cause: 'a pid namespace of its own, or proc in it, is forbidden on this host',
    fix: [you('hutch run --pid host …'), admin('see user.max_pid_namespaces and journalctl -k')],
  };
}

export function probeNetNamespace(): Promise<Finding> {
  return probe(NET_NAMESPACE, {
    script: `
at "make a network namespace"
unshare --net sh -c '
  test "$(grep -c : /proc/self/net/dev)" -ge 1 || exit 1
  mount -t sysfs -o ro sysfs /sys'`,
    detail: 'made one, with its own sysfs',
    explain: () => ({
      cause: 'network namespaces are forbidden on this host, or sysfs is covered by other mounts',
      fix: [you('hutch run --net host …'), admin('see user.max_net_namespaces and journalctl -k')],
    }),
  });
}

export function probeSmallNamespaces(): Promise<Finding> {
  return probe(SMALL_NAMESPACES, {
    script: `
at "make a uts namespace"; unshare --uts true
at "make an ipc namespace"; unshare --ipc sh -c 'mount -t mqueue mqueue /tmp'
at "make a cgroup namespace"; unshare --cgroup true`,
    detail: 'made each',
    explain: () => ({
      cause: 'the kernel was built without one of them, or its number is limited',
      fix: [you('hutch run --uts host --ipc host --cgroupns host …'), admin('see /proc/sys/user/max_*_namespaces')],
    }),
  });
}

export async function probeTimeNamespace(): Promise<Finding> {
  const trial = await tryInUserns(
    'at "make a time namespace"; unshare --time --boottime 86400 --fork cat /proc/uptime',
  );
  const reason = whyFailed(trial);
  const uptime = Number(/^\d+\.\d+/mu.exec(trial.stdout)?.[0] ?? 0);
  if (reason === null && uptime >= 86_400) return fine(TIME_NAMESPACE, 'made one with a clock of its own');
  return failed(TIME_NAMESPACE, reason ?? `uptime in it: ${uptime} s`, {
    cause: 'the kernel was built without CONFIG_TIME_NS, or the number of time namespaces is limited',
    fix: [admin('boot a kernel with CONFIG_TIME_NS; see user.max_time_namespaces')],
  });
}
