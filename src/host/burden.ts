/** What the kernel counts against the control group of this process: kills for lack of memory, throttling; on the host's side. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Counters that only grow; null where this host does not keep them. */
export interface Burden {
  /** Processes killed for lack of memory in our control group. Source: cgroup-v2, memory.events. */
  readonly memoryKills: number | null;
  /** The same on the whole host. Source: /proc/vmstat. */
  readonly hostMemoryKills: number | null;
  /** Microseconds for which the limit on processor time held us up. Source: cgroup-v2, cpu.stat. */
  readonly throttledMicroseconds: number | null;
}

/** Our control group in the unified hierarchy, as `/user.slice/…`; null where there is none. */
export function ownControlGroup(text = readIfThere('/proc/self/cgroup')): string | null {
  return wordAfter(text, '0::');
}

/** The counters of the control group `group` as ownControlGroup() names it, and of the host. */
export function readBurden(group: string | null): Burden {
  const inGroup = (file: string): string => (group === null ? '' : readIfThere(join('/sys/fs/cgroup', group, file)));
  return {
    memoryKills: counterIn(inGroup('memory.events'), 'oom_kill'),
    hostMemoryKills: counterIn(readIfThere('/proc/vmstat'), 'oom_kill'),
    throttledMicroseconds: counterIn(inGroup('cpu.stat'), 'throttled_usec'),
  };
}

/** What was added between two looks: only counters that have grown, as words for an event. */
export function addedBurden(before: Burden, after: Burden): Record<string, string> {
  const added: Record<string, string> = {};
  for (const key of ['memoryKills', 'hostMemoryKills', 'throttledMicroseconds'] as const) {
    const growth = (after[key] ?? 0) - (before[key] ?? 0);
    if (before[key] !== null && growth > 0) added[key] = String(growth);
  }
  return added;
}

/** The value of a line `NAME NUMBER`. */
export function counterIn(text: string, name: string): number | null {
  const value = wordAfter(text, `${name} `);
  return value === null ? null : Number(value);
}

/** What follows `beginning` in the line that begins with it. */
function wordAfter(text: string, beginning: string): string | null {
  const at = `\n${text}`.indexOf(`\n${beginning}`);
  if (at === -1) return null;
  const from = at + beginning.length;
  const end = text.indexOf('\n', from);
  return text.slice(from, end === -1 ? undefined : end);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
