/** Who a process is beyond its pid: boot id and start time make "still the same process" a fact; on the host's side. */
import { readFileSync } from 'node:fs';

/** A process that stays identified after its pid is used again or the host has rebooted. */
export interface ProcessIdentity {
  readonly bootId: string;
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. Source: proc(5). */
  readonly startTime: string;
}

let knownBootId: string | undefined;

/** The boot id of this host, which no process outlives: read once. */
export function bootId(): string {
  return (knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

/** The identity of a live process, or undefined when there is none with that pid (a zombie counts as none). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  const [state, startTime] = [fields?.[0], fields?.[19]];
  if (state === undefined || startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { bootId: bootId(), pid, startTime };
}

/** True when exactly this process is alive. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now?.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Where a process stands among the jobs of its terminal. */
export interface Job {
  readonly processGroup: number;
  /** The device number of its controlling terminal; 0 for none. */
  readonly terminal: number;
  /** The process group whose turn at that terminal it is. */
  readonly foreground: number;
}

/** The job that a process belongs to, or undefined when there is none with that pid. Source: proc_pid_stat(5), fields 5, 7 and 8. */
export function jobOf(pid: number): Job | undefined {
  const fields = statFields(pid);
  if (fields === undefined) return undefined;
  const [processGroup = 0, , terminal = 0, foreground = 0] = fields.slice(2, 6).map(Number);
  return { processGroup, terminal, foreground };
}

/** The fields of /proc/PID/stat from the third (state) on: the name before them may hold spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}
