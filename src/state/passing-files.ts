/** Files that live for a moment, with the pid of their maker in the name; on the host's side. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listNames } from './json-file.ts';
import type { Store } from './store.ts';

/** A half-written file, the draft of a claim, the control socket of a network helper. */
export type PassingKind = 'half' | 'draft' | 'control';

export interface PassingFile {
  readonly kind: PassingKind;
  /** The process that has made it. */
  readonly pid: number;
}

/** What a name says of a file that lives for a moment: NAME.PID.tmp, claim.PID or slirp.PID; undefined for all others. */
export function passingFile(name: string): PassingFile | undefined {
  // Without a regular expression: V8 would have to compile it at each start, twice.
  const parts = name.split('.');
  const kind = parts.length > 2 && parts.at(-1) === 'tmp' ? 'half' : parts.length === 2 ? kindOf(parts[0]) : undefined;
  const digits = parts.at(kind === 'half' ? -2 : -1) ?? '';
  const pid = Number(digits);
  return kind !== undefined && String(pid) === digits && pid > 0 ? { kind, pid } : undefined;
}

function kindOf(word: string | undefined): PassingKind | undefined {
  return word === 'claim' ? 'draft' : word === 'slirp' ? 'control' : undefined;
}

/** True when no process has that pid. */
export function isPidFree(pid: number): boolean {
  return !existsSync(`/proc/${String(pid)}`);
}

/** Removes those in the run directory whose makers are dead. One whose pid is another's by now is left to `hutch check`, which can wait. */
export function sweepPassing({ run }: Store): void {
  for (const name of listNames(run)) {
    const pid = passingFile(name)?.pid;
    if (pid !== undefined && isPidFree(pid)) rmSync(join(run, name), { force: true });
  }
}
