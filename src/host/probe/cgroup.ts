/** Whether this user can limit and meter containers with cgroups; on the host's side. Source: cgroups(7), org.freedesktop.systemd1(5). */
import { lstatSync, statfsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { isWritable } from '../is-writable.ts';
import { admin, fine, lessened, you, type Finding, type Topic } from './finding.ts';
import { readText } from './read-text.ts';

export const CGROUP: Topic = { id: 'cgroup', title: 'cgroup delegation', needed: false };

const CGROUP2_MAGIC = 0x63677270;
/** The controllers behind the limits of `hutch run`. */
const CONTROLLERS = ['cpu', 'cpuset', 'io', 'memory', 'pids'] as const;

export interface CgroupFacts {
  readonly uid: number;
  /** True when /sys/fs/cgroup is the unified hierarchy. */
  readonly isUnified: boolean;
  /** The socket on which the user's systemd answered, or null. */
  readonly manager: string | null;
  /** True when this process's own cgroup belongs to the user. */
  readonly isOwnWritable: boolean;
  /** The controllers that were delegated. */
  readonly controllers: readonly string[];
}

export async function readCgroupFacts(env = process.env, uid = process.getuid?.() ?? 0): Promise<CgroupFacts> {
  const isV2 = isUnified();
  const own = join('/sys/fs/cgroup', ownCgroup());
  const manager = await findManager(env, uid);
  const delegated = manager !== null ? managerCgroup(uid) : own;
  return {
    uid,
    isUnified: isV2,
    manager,
    isOwnWritable: isV2 && isWritable(own) && isWritable(join(own, 'cgroup.procs')),
    controllers: isV2 ? readControllers(delegated) : [],
  };
}

/** The controllers that the cgroup in `directory` has; none when it cannot be read. */
export function readControllers(directory: string): string[] {
  return (readText(join(directory, 'cgroup.controllers')) ?? '').trim().split(' ').filter(Boolean);
}

/** The directory in which the systemd of `uid` makes its slices. */
export function managerCgroup(uid: number): string {
  if (uid === 0) return '/sys/fs/cgroup';
  return `/sys/fs/cgroup/user.slice/user-${uid}.slice/user@${uid}.service`;
}

/** The path after `0::` in /proc/self/cgroup. */
export function ownCgroup(text = readText('/proc/self/cgroup') ?? ''): string {
  return /^0::(.*)$/mu.exec(text)?.[1] ?? '/';
}

function fileSystemMagic(path: string): number | null {
  try {
    return statfsSync(path).type;
  } catch {
    return null;
  }
}

/**
 * The sockets on which the systemd of `uid` may answer, the best first. The private one works where no message bus runs. An XDG_RUNTIME_DIR
 * of another uid is a left-over of su; an address of a bus in the environment is not heeded for the same reason.
 */
export function managerSockets(env = process.env, uid = process.getuid?.() ?? 0): string[] {
  if (uid === 0) return ['/run/dbus/system_bus_socket', '/run/systemd/private'].filter((path) => isSocket(path));
  const directories = [...new Set([env['XDG_RUNTIME_DIR'] ?? '', `/run/user/${uid}`])];
  return directories
    .filter((path) => isOwnedBy(path, uid))
    .flatMap((path) => [join(path, 'bus'), join(path, 'systemd/private')])
    .filter((path) => isSocket(path));
}

/** True when /sys/fs/cgroup is the unified hierarchy: one call. */
export function isUnified(): boolean {
  return fileSystemMagic('/sys/fs/cgroup') === CGROUP2_MAGIC;
}

/** Whether a cgroup namespace keeps those inside from the files of its own root. Source: cgroups(7), nsdelegate. */
export function hasDelegationFence(text = readText('/proc/self/mountinfo') ?? ''): boolean {
  return text
    .split('\n')
    .some((line) => line.includes(' /sys/fs/cgroup ') && / - cgroup2 .*(?:^|[ ,])nsdelegate(?:,|$)/u.test(line));
}

async function findManager(env: NodeJS.ProcessEnv, uid: number): Promise<string | null> {
  for (const socket of managerSockets(env, uid)) {
    if (await answers(socket)) return socket;
  }
  return null;
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}

function isOwnedBy(path: string, uid: number): boolean {
  const stats = path.startsWith('/') ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
  return stats?.isDirectory() === true && stats.uid === uid;
}

/** This process may be busy itself while the answer is there already. */
const ANSWER_MS = 10_000;

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: ANSWER_MS });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket
      .once('connect', () => end(true))
      .once('error', () => end(false))
      .once('timeout', () => end(false));
  });
}

const NO_LIMITS = 'containers run, but without limits on memory, processor and number of processes';

/** What the facts mean. Never a failure: only limits need cgroups. */
export function judgeCgroup(facts: CgroupFacts): Finding {
  if (!facts.isUnified) {
    return lessened(CGROUP, '/sys/fs/cgroup is not the unified hierarchy', {
      cause: `cgroup v2 is not mounted there: ${NO_LIMITS}`,
      fix: [admin('boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2 on /sys/fs/cgroup')],
    });
  }
  if (facts.manager === null && !facts.isOwnWritable) return unreachable(facts.uid);
  const missing = CONTROLLERS.filter((name) => !facts.controllers.includes(name));
  const detail = `by ${facts.manager ?? 'our own cgroup'}: ${facts.controllers.join(' ') || 'no controllers'}`;
  return missing.length === 0 ? fine(CGROUP, detail) : undelegated(detail, missing);
}

function unreachable(uid: number): Finding {
  return lessened(CGROUP, `no systemd of uid ${uid} at /run/user/${uid}, and our own cgroup is not writable`, {
    cause: `nobody has given this session a cgroup: ${NO_LIMITS}`,
    fix: [you('log in directly (by ssh or on a console, not by su)'), admin(`loginctl enable-linger ${uid}`)],
  });
}

function undelegated(detail: string, missing: readonly string[]): Finding {
  return lessened(CGROUP, detail, {
    cause: `the controllers ${missing.join(' ')} are not delegated, so limits that need them are refused`,
    fix: [
      admin(
        [
          'mkdir -p /etc/systemd/system/user@.service.d',
          `printf '[Service]\\nDelegate=${CONTROLLERS.join(' ')}\\n' >/etc/systemd/system/user@.service.d/delegate.conf`,
          'systemctl daemon-reload',
        ].join('\n'),
      ),
      you('afterwards: systemctl --user daemon-reexec, or log in again'),
    ],
  });
}
