/** The Linux security modules of this host and what they mean for containers; on the host's side. */
import { existsSync } from 'node:fs';
import { admin, failed, fine, lessened, skipped, type Finding, type Fix, type Topic } from './finding.ts';
import { readNumber, readText } from './read-text.ts';

export const LANDLOCK: Topic = { id: 'landlock', title: 'Landlock', needed: false };
export const APPARMOR: Topic = { id: 'apparmor', title: 'AppArmor on user namespaces', needed: true };
export const SELINUX: Topic = { id: 'selinux', title: 'SELinux', needed: false };

const RESTRICTION = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';

/** The names of the active modules. The list is in securityfs; where that is not mounted, traces of each are looked for. */
export function activeSecurityModules(list = readText('/sys/kernel/security/lsm')): string[] {
  if (list !== null) return list.split(',').filter((name) => name !== '');
  const traces = {
    apparmor: '/sys/module/apparmor',
    selinux: '/sys/fs/selinux/enforce',
    yama: '/proc/sys/kernel/yama',
  };
  return Object.entries(traces)
    .filter(([, path]) => existsSync(path))
    .map(([name]) => name);
}

/**
 * @param abi the answer of landlock_create_ruleset(2) to a question for its version: 0 is "not there". null when nobody asked;
 * then only the list of modules speaks.
 */
export function probeLandlock(abi: number | null, list = readText('/sys/kernel/security/lsm')): Finding {
  if (abi !== null && abi > 0) return fine(LANDLOCK, `ABI ${abi}`);
  if (abi === null && list === null)
    return skipped(LANDLOCK, 'securityfs is not mounted, so the list of modules is unknown');
  if (abi === null && list?.split(',').includes('landlock') === true) return fine(LANDLOCK, 'in the list of modules');
  return lessened(LANDLOCK, abi === null ? `modules: ${list ?? ''}` : `ABI ${abi}`, {
    cause: 'Landlock is off, so containers lack one of several fences around the host’s files',
    fix: [admin('boot with landlock in lsm=…, on a kernel with CONFIG_SECURITY_LANDLOCK')],
  });
}

/**
 * Ubuntu's restriction of user namespaces to programs with a profile.
 * @param works whether user namespaces with their capabilities were seen to work for us.
 * @param node the program that needs the profile.
 */
export function probeApparmor(works: boolean, node: string, restriction = readNumber(RESTRICTION)): Finding {
  if (restriction === null) return fine(APPARMOR, 'no restriction in this kernel');
  if (restriction === 0) return fine(APPARMOR, 'kernel.apparmor_restrict_unprivileged_userns = 0');
  if (works) return fine(APPARMOR, 'restricts user namespaces, and lets hutch through');
  return failed(APPARMOR, 'kernel.apparmor_restrict_unprivileged_userns = 1', {
    cause: `AppArmor takes the capabilities of every user namespace whose maker has no profile, and ${node} has none`,
    fix: [apparmorFix(node)],
  });
}

/** The profile for hutch's interpreter, and the commands that load it. */
export function apparmorFix(node: string): Fix {
  return admin(
    `write this profile, then load it:\n${heredoc('/etc/apparmor.d/hutch', apparmorProfile(node))}\napparmor_parser -r /etc/apparmor.d/hutch`,
  );
}

/** A profile that only lifts the restriction on user namespaces. Source: apparmor.d(5). */
export function apparmorProfile(node: string): string {
  return [
    'abi <abi/4.0>,',
    'include <tunables/global>',
    '',
    `profile hutch "${node}" flags=(unconfined) {`,
    '  userns,',
    '  include if exists <local/hutch>',
    '}',
  ].join('\n');
}

function heredoc(path: string, text: string): string {
  return `cat >${path} <<'END'\n${text}\nEND`;
}

export function probeSelinux(enforce = readNumber('/sys/fs/selinux/enforce')): Finding {
  if (enforce === null) return fine(SELINUX, 'not active');
  if (enforce === 0) return fine(SELINUX, 'permissive');
  return lessened(SELINUX, 'enforcing', {
    cause: 'hutch sets no SELinux labels yet: containers run with your own label, and volumes keep theirs',
    fix: [],
  });
}
