/** Files that live for a moment, with the pid of their maker in the name; on the host's side. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { listNames } from './json-file.ts';
import type { Store } from './store.ts';

/** Half-written files, drafts of a claim, control sockets of network helpers. */
export const PASSING = {
  half: /\.(\d+)\.tmp$/u,
  control: /^slirp\.(\d+)$/u,
  draft: /^claim\.(\d+)$/u,
} as const;

/** True when no process has that pid. */
export function isPidFree(pid: number): boolean {
  return !existsSync(`/proc/${String(pid)}`);
}

/** Removes those in the run directory whose makers are dead. One whose pid is another's by now is left to `hutch check`, which can wait. */
export function sweepPassing({ run }: Store): void {
  for (const name of listNames(run)) {
    const pid = Object.values(PASSING).flatMap((pattern) => pattern.exec(name)?.[1] ?? [])[0];
    if (pid !== undefined && isPidFree(Number(pid))) rmSync(join(run, name), { force: true });
  }
}
