/** What a crash can leave behind, and the looks at files that tell it from what is being made right now; on the host's side. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../../errors/hutch-error.ts';

export interface Leftover {
  readonly kind:
    | 'cgroup'
    | 'container'
    | 'damage'
    | 'download'
    | 'layer'
    | 'blob'
    | 'lock'
    | 'name'
    | 'running-entry'
    | 'socket'
    | 'staging'
    | 'temporary';
  /** A path, or the name or id of a container. */
  readonly place: string;
  /** What it is. */
  readonly text: string;
  /** Mends it beside whoever else is at work, and leaves alone what is none any more; null when only the user can. */
  readonly mend: (() => Promise<void>) | null;
  /** What the user can do about it. */
  readonly hint?: string;
}

/** The names in a directory; none when it is not there. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** The paths in a directory; none when it is not there. */
export function pathsIn(directory: string): string[] {
  return namesIn(directory).map((name) => join(directory, name));
}

/** Milliseconds since a file's content was changed; 0 when it is gone. */
export function ageMs(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 0 : Date.now() - stats.mtimeMs;
}
