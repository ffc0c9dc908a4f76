/** What /proc tells of the process 1 of a running container: its relatives and its namespaces; on the host's side. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';

/** The kernel's names for namespaces that a process can join, in /proc/PID/ns, by hutch's names. Source: namespaces(7). */
const NAMESPACE_FILES = {
  mount: 'mnt',
  uts: 'uts',
  ipc: 'ipc',
  network: 'net',
  cgroup: 'cgroup',
  pid: 'pid',
} as const;

export type JoinableNamespace = keyof typeof NAMESPACE_FILES;

/** The namespaces, besides user and time, in which `pid` is and this process is not. Throws ENOENT when it is gone. */
export function foreignNamespaces(pid: number): JoinableNamespace[] {
  const names = Object.keys(NAMESPACE_FILES) as JoinableNamespace[];
  return names.filter((name) => namespaceOf(pid, NAMESPACE_FILES[name]) !== namespaceOf('self', NAMESPACE_FILES[name]));
}

/** The identity of a namespace, such as `mnt:[4026531841]`; `file` is its name in /proc/PID/ns. */
export function namespaceOf(pid: number | 'self', file: string): string {
  return readlinkSync(`/proc/${String(pid)}/ns/${file}`);
}

/** The parent as the host counts; undefined when it lives in another user namespace than `pid`, or one of them has ended. */
export function parentInSameUserns(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    const parent = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
    return namespaceOf(parent, 'user') === namespaceOf(pid, 'user') ? parent : undefined;
  } catch {
    return undefined;
  }
}

/** True while `pid` still has the host's root: nothing of the container's file system is in place then. */
export function hasHostRoot(pid: number): boolean {
  const [its, ours] = [statSync(`/proc/${String(pid)}/root/`), statSync('/')];
  return its.dev === ours.dev && its.ino === ours.ino;
}

/** True when processes in the user namespace of `pid` may not change their groups. Source: user_namespaces(7). */
export function deniesGroups(pid: number): boolean {
  return readFileSync(`/proc/${String(pid)}/setgroups`, 'utf8').trim() === 'deny';
}

/** The hard limits of this process, by number of the resource (getrlimit(2)); -1 is unlimited. Source: proc_pid_limits(5). */
export function hardLimits(): number[] {
  const [, ...rows] = readFileSync('/proc/self/limits', 'utf8').trimEnd().split('\n');
  return rows.map((row) => {
    const hard = /\s(?:\d+|unlimited)\s+(\d+|unlimited)\s*[a-z]*\s*$/u.exec(row)?.[1] ?? 'unlimited';
    return hard === 'unlimited' ? -1 : Number(hard);
  });
}
