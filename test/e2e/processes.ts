/** The processes below this one, orphans included: what a test has started and what it has left behind. */

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSyscalls } from '../../src/syscall/syscalls.ts';

export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly state: string;
}

const PR_SET_CHILD_SUBREAPER = 36;

/** From now on orphans among our descendants become our children, so that none can hide. Source: PR_SET_CHILD_SUBREAPER(2const). */
export function adoptOrphans(): void {
  openSyscalls().prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/** All living processes that descend from `ancestor`. */
export function descendants(ancestor = process.pid): SeenProcess[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((seen) => seen !== undefined);
  const found = new Set([ancestor]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid, state }) => pid !== ancestor && found.has(pid) && state !== 'Z' && state !== 'X');
}

function readProcess(pid: number): SeenProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), command, state };
  } catch {
    return undefined;
  }
}

/** The first descendant whose command line fits `pattern`, as soon as there is one. */
export async function descendant(pattern: RegExp, ancestor = process.pid): Promise<SeenProcess> {
  const seen = await eventually(() => descendants(ancestor).find(({ command }) => pattern.test(command)));
  if (seen === undefined) throw new Error(`no process ${String(pattern)} among:\n${listed(descendants(ancestor))}`);
  return seen;
}

/** Kills the monitor that the `hutch run` with this pid has become; its launcher ends with the code that stands for that. */
export async function killMonitor(launcher: number | undefined): Promise<void> {
  process.kill((await descendant(/run\.cjs run/u, launcher)).pid, 'SIGKILL');
}

/** Services that a whole test file uses, and ends when its last test has ended. */
const SERVICE = 'docker-registry serve ';

/** What remains of our descendants after at most `patienceMs`: empty when all is as it should be. */
export async function remaining(patienceMs = 2000): Promise<string> {
  const left = (): SeenProcess[] => {
    reapStrangers();
    return descendants().filter(({ command }) => !command.startsWith(SERVICE));
  };
  await eventually(() => (left().length === 0 ? true : undefined), patienceMs);
  return listed(left());
}

/**
 * Does for orphans of containers what a host's process 1 does: a pid namespace goes when all of its dead have been waited for, and one that `hutch exec` has
 * started and lost is ours by then. What Node has started itself is in no other pid namespace.
 */
function reapStrangers(): void {
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/u.test(each))) {
    const seen = readProcess(Number(name));
    if (seen?.state !== 'Z' || seen.parent !== process.pid) continue;
    const isStrange = /^NSpid:\s+\d+\s+\d/mu.test(readFileSync(`/proc/${name}/status`, 'latin1'));
    if (isStrange) openSyscalls().waitpidNoHang(seen.pid);
  }
}

function listed(processes: readonly SeenProcess[]): string {
  return processes.map(({ pid, state, command }) => `${pid} ${state} ${command}`).join('\n');
}

/** The first value that `look` finds; undefined when it finds none in time. */
export async function eventually<T>(look: () => T | undefined, patienceMs = 10_000): Promise<T | undefined> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = look();
    if (value !== undefined || Date.now() > deadline) return value;
    await sleep(10);
  }
}
