/** Who holds a lock, and whether that process still lives; on the host's side. */
import { lstatSync, readlinkSync } from 'node:fs';
import { bootId, identifyProcess, isAlive, type ProcessIdentity } from '../host/process-identity.ts';

export interface Holder extends ProcessIdentity {
  /** The inode number of the pid namespace in which the pid counts. */
  readonly pidNamespace: string;
  readonly purpose: string;
}

/** A holder that cannot be asked counts as gone after that long without touching its lock, which it does every two seconds. */
const SILENT_MS = 10_000;

/** tmpfs has room for a link of that length in the inode itself, so that a lock can be taken on a disk that is full. */
const LONGEST = 127;
const HOLDER = /^(\d+) (\d+) (\d+) ([\da-f-]{36}) (.*)$/u;

/** This process, doing what `purpose` (ASCII) says, as a lock names it: pid, start time, pid namespace, boot id, purpose. */
export function describeHolder(purpose: string): string {
  const startTime = identifyProcess(process.pid)?.startTime ?? 'unknown';
  return `${String(process.pid)} ${startTime} ${pidNamespace()} ${bootId()} ${purpose}`.slice(0, LONGEST);
}

/** The holder of a lock; undefined where there is no lock, or none that names its holder. */
export function readHolder(lock: string): Holder | undefined {
  const [, pid, startTime, namespace, boot, purpose] = HOLDER.exec(linkIn(lock)) ?? [];
  if (startTime === undefined || namespace === undefined || boot === undefined || purpose === undefined)
    return undefined;
  return { pid: Number(pid), startTime, pidNamespace: namespace, bootId: boot, purpose };
}

/**
 * True for a lock whose holder is dead: proven where it ran in this boot and this pid namespace, supposed after 10 s of silence where it
 * did not (a home on several hosts) or is unknown. False where there is no lock.
 */
export function isAbandoned(lock: string): boolean {
  const stats = lstatSync(lock, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  const holder = readHolder(lock);
  if (holder?.bootId === bootId() && holder.pidNamespace === pidNamespace()) return !isAlive(holder);
  return Date.now() - stats.mtimeMs > SILENT_MS;
}

function linkIn(lock: string): string {
  try {
    return readlinkSync(lock);
  } catch {
    return '';
  }
}

/** The inode number of the pid namespace of this process. */
export function pidNamespace(): string {
  return /\d+/u.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
}
