/** Who holds a lock, and whether that process still lives; on the host's side. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bootId, identifyProcess, isAlive, type ProcessIdentity } from '../host/process-identity.ts';

/** The file in the directory that is the lock. */
export const HOLDER = 'holder';

export interface Holder extends ProcessIdentity {
  /** The pid namespace in which the pid counts, as `pid:[4026531836]`. */
  readonly pidNamespace: string;
  readonly purpose: string;
}

/** A holder that cannot be asked counts as gone after that long without touching its lock, which it does every two seconds. */
const SILENT_MS = 10_000;

/** This process, doing what `purpose` says. */
export function describeHolder(purpose: string): Partial<Holder> {
  return { ...identifyProcess(process.pid), pid: process.pid, pidNamespace: pidNamespace(), purpose };
}

/** What the holder of a lock has written; undefined where nothing, or nothing whole, is written. */
export function readHolder(directory: string): Partial<Holder> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(directory, HOLDER), 'utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * True for a lock whose holder is dead: proven where it ran in this boot and this pid namespace, supposed after 10 s of silence where it
 * did not (a home on several hosts) or is unknown. False where there is no lock.
 */
export function isAbandoned(directory: string): boolean {
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  const holder = readHolder(directory);
  if (holder !== undefined && isFromHere(holder)) return !isAlive(holder);
  return Date.now() - stats.mtimeMs > SILENT_MS;
}

/** True when what /proc says here holds for that process. */
function isFromHere(holder: Partial<Holder>): holder is Holder {
  return (
    typeof holder.pid === 'number' &&
    typeof holder.startTime === 'string' &&
    holder.bootId === bootId() &&
    holder.pidNamespace === pidNamespace()
  );
}

function pidNamespace(): string {
  return readlinkSync('/proc/self/ns/pid');
}
