/** What /proc tells of the process 1 of a running container: its relatives and its namespaces; on the host's side. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { errnoOf } from '../errors/hutch-error.ts';
import { O } from '../linux/flags.ts';

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

/**
 * The host pids of all processes in the same namespace as `pid` (`file` is its name in /proc/PID/ns), and of all that descend from them:
 * those may live in namespaces within. Empty when `pid` is gone.
 */
export function processesBeside(pid: number, file: 'pid' | 'mnt'): ReadonlySet<number> {
  const own = tryNamespace(pid, file);
  if (own === undefined) return new Set();
  const parents = new Map(allProcesses().map((member) => [member, parentOf(member)]));
  const members = new Set([...parents.keys()].filter((member) => tryNamespace(member, file) === own));
  return new Set([...parents.keys()].filter((member) => ancestry(member, parents).some((each) => members.has(each))));
}

/** The process, its parent, and so on. What is read one by one may form a ring, as pids are used again. */
function ancestry(pid: number, parents: ReadonlyMap<number, number | undefined>): number[] {
  const line: number[] = [];
  for (let each: number | undefined = pid; each !== undefined && !line.includes(each); each = parents.get(each))
    line.push(each);
  return line;
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .map(Number);
}

function tryNamespace(pid: number, file: string): string | undefined {
  try {
    return namespaceOf(pid, file);
  } catch {
    // Somebody else's process, or one that has just ended.
    return undefined;
  }
}

/** Undefined for one that is gone. */
function parentOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** The parent as the host counts; undefined when it lives in another user namespace than `pid`, or one of them has ended. */
export function parentInSameUserns(pid: number): number | undefined {
  try {
    const parent = parentOf(pid);
    return parent !== undefined && namespaceOf(parent, 'user') === namespaceOf(pid, 'user') ? parent : undefined;
  } catch {
    return undefined;
  }
}

/** True while `pid` still has the host's root: nothing of the container's file system is in place then. Throws ENOENT when it is gone. */
export function hasHostRoot(pid: number): boolean {
  const [its, ours] = [statRoot(pid), statSync('/')];
  return its?.dev === ours.dev && its.ino === ours.ino;
}

/** True when the root of `pid` is one in user space (fuse-overlayfs): processes of its own user namespace alone may look into it. Throws ENOENT when it is gone. */
export function hasShutRoot(pid: number): boolean {
  return statRoot(pid) === undefined;
}

function statRoot(pid: number): Stats | undefined {
  // It can be found in any case by who may look at the process.
  const fd = openSync(`/proc/${String(pid)}/root/`, O.PATH | O.DIRECTORY | O.CLOEXEC);
  try {
    return fstatSync(fd);
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
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
