/** What a container has used of the host in its last life, in plain sentences; pure. Source: cgroup-v2 in the kernel's documentation. */
import type { CgroupCounters } from '../../state/container-state.ts';
import { humanMemory } from './human-memory.ts';

/** One sentence for each resource of which there is something to tell; none without a cgroup. */
export function explainUsage(counters: CgroupCounters | null | undefined): string[] {
  if (counters === null || counters === undefined) return [];
  const read: Read = (file, key = 'value') => counters[file]?.[key];
  return [memoryText(read), killText(read), swapText(read), cpuText(read), tasksText(read)].filter(
    (text) => text !== null,
  );
}

/** A counter by its file and key; undefined where the kernel does not keep it. */
type Read = (file: string, key?: string) => number | undefined;

function memoryText(read: Read): string | null {
  const [peak, limit] = [read('memory.peak'), read('memory.max')];
  const most = peak === undefined ? null : `memory: ${humanMemory(peak)} at most`;
  const bound = limit === undefined ? '' : ` of its limit of ${humanMemory(limit)}`;
  const braked = read('memory.events', 'high') ?? 0;
  const brake = braked === 0 ? '' : `, slowed down ${times(braked)} above --memory-high`;
  return most === null ? null : `${most}${bound}${brake}`;
}

function killText(read: Read): string | null {
  const kills = read('memory.events', 'oom_kill') ?? 0;
  return kills === 0 ? null : `memory: ${count(kills, 'process', 'processes')} killed for lack of it`;
}

function swapText(read: Read): string | null {
  const failed = read('memory.swap.events', 'max') ?? 0;
  return failed === 0 ? null : `swap: its limit was met ${times(failed)}`;
}

function cpuText(read: Read): string | null {
  const usage = read('cpu.stat', 'usage_usec');
  if (usage === undefined) return null;
  return `processor: ${secondsText(usage)}${throttledText(read)}`;
}

function throttledText(read: Read): string {
  const [periods, throttled] = [read('cpu.stat', 'nr_periods') ?? 0, read('cpu.stat', 'nr_throttled') ?? 0];
  if (periods === 0 || throttled === 0) return '';
  const share = Math.round((throttled / periods) * 100);
  const held = secondsText(read('cpu.stat', 'throttled_usec') ?? 0);
  return `, and its limit was met in ${String(share)} % of the time slices (${String(throttled)} of ${String(periods)}), which held it up for ${held}`;
}

function tasksText(read: Read): string | null {
  const [peak, limit, refused] = [read('pids.peak'), read('pids.max'), read('pids.events', 'max') ?? 0];
  if (peak === undefined && refused === 0) return null;
  const most = peak === undefined ? 'processes and threads' : `processes and threads: ${String(peak)} at once`;
  const bound = limit === undefined ? '' : ` of its limit of ${String(limit)}`;
  return `${most}${bound}${refused === 0 ? '' : `, one more was refused ${times(refused)}`}`;
}

function secondsText(microseconds: number): string {
  return `${(microseconds / 1e6).toFixed(microseconds < 1e7 ? 2 : 0)} s`;
}

function times(number: number): string {
  return number === 1 ? 'once' : `${String(number)} times`;
}

function count(number: number, one: string, several: string): string {
  return `${String(number)} ${number === 1 ? one : several}`;
}
