/** Making a user namespace and using a capability in it; on the host's side. Source: user_namespaces(7). */
import { existsSync } from 'node:fs';
import { admin, failed, fine, you, type Diagnosis, type Finding, type Topic } from '../../host/probe/finding.ts';
import { apparmorFix } from '../../host/probe/security-modules.ts';
import { readNumber, statusField } from '../../host/probe/read-text.ts';
import { requireTool, runTool } from '../../host/run-tool.ts';

export const USER_NAMESPACE: Topic = { id: 'user-namespace', title: 'user namespace', needed: true };

/** What decides about user namespaces on this host; a number is null where the kernel has no such setting. */
export interface UserNamespaceFacts {
  readonly isInKernel: boolean;
  readonly maxUserNamespaces: number | null;
  readonly unprivilegedClone: number | null;
  readonly apparmorRestriction: number | null;
  /** A seccomp filter is on us: we run in a container already. */
  readonly isFiltered: boolean;
  /** The interpreter that an AppArmor profile would name. */
  readonly node: string;
}

function readFacts(node: string): UserNamespaceFacts {
  return {
    isInKernel: existsSync('/proc/self/ns/user'),
    maxUserNamespaces: readNumber('/proc/sys/user/max_user_namespaces'),
    unprivilegedClone: readNumber('/proc/sys/kernel/unprivileged_userns_clone'),
    apparmorRestriction: readNumber('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    isFiltered: statusField('Seccomp') === '2',
    node,
  };
}

/** Makes a user namespace with one id, and mounts in it: AppArmor lets it be made and takes its capabilities away. */
export async function probeUserNamespace(node: string): Promise<Finding> {
  const unshare = requireTool('unshare', 'make a user namespace');
  const result = await runTool(
    [unshare, '--user', '--map-root-user', '--mount', 'sh', '-p', '-c', 'mount -t tmpfs none /tmp'],
    {
      timeoutMs: 10_000,
    },
  );
  if (result.code === 0) return fine(USER_NAMESPACE, 'made one, mounted in it');
  const said = result.stderr.trim();
  return failed(USER_NAMESPACE, said, explainUserNamespace(said, readFacts(node)));
}

/** Why a user namespace could not be made or used, from what the attempt said and what the kernel's settings are. */
export function explainUserNamespace(said: string, facts: UserNamespaceFacts): Diagnosis {
  if (!facts.isInKernel) {
    return {
      cause: 'the kernel has no user namespaces (CONFIG_USER_NS)',
      fix: [admin('boot a kernel with CONFIG_USER_NS')],
    };
  }
  if (facts.maxUserNamespaces === 0 || said.includes('No space left on device')) {
    return {
      cause: `the limit of user or mount namespaces is reached, here (user.max_user_namespaces = ${facts.maxUserNamespaces ?? 'unknown'}) or in a namespace around this one`,
      fix: [persistentSetting('user.max_user_namespaces', 15_000)],
    };
  }
  if (facts.unprivilegedClone === 0) {
    return {
      cause: 'kernel.unprivileged_userns_clone = 0 keeps user namespaces for root',
      fix: [persistentSetting('kernel.unprivileged_userns_clone', 1)],
    };
  }
  if (facts.apparmorRestriction === 1) {
    return {
      cause:
        'AppArmor restricts user namespaces to programs with a profile (kernel.apparmor_restrict_unprivileged_userns = 1)',
      fix: [apparmorFix(facts.node)],
    };
  }
  return explainOuterFence(facts.isFiltered);
}

function explainOuterFence(isFiltered: boolean): Diagnosis {
  if (isFiltered) {
    return {
      cause: 'a seccomp filter on this process forbids it: hutch runs in a container or sandbox itself',
      fix: [
        you('start the outer container with seccomp=unconfined'),
        admin('allow unshare, clone, mount in its seccomp profile'),
      ],
    };
  }
  return {
    cause: 'the kernel refused: this process is in a chroot, or a security module denies it (see the system log)',
    fix: [you('start hutch outside of the chroot'), admin('journalctl -k -g userns')],
  };
}

function persistentSetting(name: string, value: number): ReturnType<typeof admin> {
  return admin(`echo ${name}=${value} >/etc/sysctl.d/99-hutch.conf && sysctl -p /etc/sysctl.d/99-hutch.conf`);
}
