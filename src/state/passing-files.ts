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
    const pid = makerOf(name);
    if (pid !== undefined && isPidFree(pid)) rmSync(join(run, name), { force: true });
  }
}

/** What PASSING finds. At each start, and there V8 would have to compile three expressions for it, each twice. */
function makerOf(name: string): number | undefined {
  const parts = name.split('.');
  const [kind] = parts;
  const isTwofold = parts.length === 2 && (kind === 'slirp' || kind === 'claim');
  if (!isTwofold && (parts.length < 3 || parts.at(-1) !== 'tmp')) return undefined;
  const pid = Number(parts.at(isTwofold ? -1 : -2));
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}
