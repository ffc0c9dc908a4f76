/** Files of the user that are not whole yet, beside the place that they are for; in the CLI process. */
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import { bootId } from '../../host/process-identity.ts';
import { pidNamespace } from '../../state/lock-holder.ts';
import { isMakerDead, makerName } from '../../state/maker-name.ts';

const KIND = '.hutch-half-';

/** A path, in the directory of `path`, for what is to become that file. */
export function halfFileFor(path: string): string {
  return join(dirname(path), makerName(KIND + pidNamespace()));
}

/** Removes what killed processes have left in the directory of `path`; what cannot be seen or removed stays. */
export function sweepHalfFiles(path: string): void {
  const directory = dirname(path);
  for (const name of namesIn(directory)) {
    if (name.startsWith(KIND) && isAbandoned(join(directory, name), name)) removeQuietly(join(directory, name));
  }
}

/**
 * Of this boot: its maker, in the same pid namespace, is dead. Of another: written before this one began, since other hosts may be at a
 * directory of theirs that is shared.
 */
function isAbandoned(path: string, name: string): boolean {
  const [kind, , , madeInBoot] = name.split('_');
  if (madeInBoot === bootId()) return kind === KIND + pidNamespace() && isMakerDead(name) === true;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && isMakerDead(name) === true && stats.mtimeMs < Date.now() - uptime() * 1000;
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path);
  } catch {
    // Somebody else's, in a directory like /tmp.
  }
}
