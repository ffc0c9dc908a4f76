/** What the kernel has counted in a cgroup, read before it goes; on the host's side. Source: Documentation/admin-guide/cgroup-v2.rst. */
import { join } from 'node:path';
import type { CgroupCounters } from '../../state/container-state.ts';
import { textIfThere } from './subtree.ts';

/** Files of lines `KEY NUMBER`. */
const KEYED = ['memory.events', 'memory.swap.events', 'pids.events', 'cpu.stat'] as const;
/** Files of one number, which is called `value`; `max` is left out. */
const SINGLE = ['memory.peak', 'memory.max', 'memory.swap.max', 'pids.peak', 'pids.max'] as const;

/** All counters of the cgroup in `directory`; files that this kernel or cgroup does not have are left out. */
export function readCounters(directory: string): CgroupCounters {
  const entries = [...KEYED, ...SINGLE].flatMap((file): [string, Record<string, number>][] => {
    const values = valuesIn(textIfThere(join(directory, file)) ?? '');
    return Object.keys(values).length === 0 ? [] : [[file, values]];
  });
  return Object.fromEntries(entries);
}

function valuesIn(text: string): Record<string, number> {
  const words = text
    .split('\n')
    .map((line) => line.split(' '))
    .map(([first = '', second]) => (second === undefined ? ['value', first] : [first, second]));
  return Object.fromEntries(
    words.filter(([, number]) => /^\d+$/u.test(number ?? '')).map(([key = '', number]) => [key, Number(number)]),
  );
}

/** How many processes of it the kernel has killed for lack of memory. */
export function memoryKills(counters: CgroupCounters | null | undefined): number {
  return counters?.['memory.events']?.['oom_kill'] ?? 0;
}
