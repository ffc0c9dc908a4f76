/** Files that exactly one process can have made: whoever links first wins; on the host's side. */
import { linkSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../errors/hutch-error.ts';
import { readError, writeError } from './json-file.ts';
import { withLock } from './lock.ts';

export interface Claim {
  readonly path: string;
  readonly content: string;
  /** A place on the same file system for the file before it has its name. */
  readonly draft: string;
  /** True when what a claim says holds no longer. */
  readonly isStale: (content: string) => boolean;
}

/**
 * Makes the file `path` with its whole content, or returns the content of the one that is there. link(2) lets nobody see half of
 * it. A stale one is taken over, under a lock, so that two who find it cannot both do so.
 */
export async function claim(wanted: Claim): Promise<string | null> {
  const holder = tryClaim(wanted);
  if (holder === null || !wanted.isStale(holder)) return holder;
  return withLock(dirname(wanted.path), 'take over what a dead process has claimed', () => {
    const now = readClaim(wanted.path);
    if (now !== undefined && !wanted.isStale(now)) return Promise.resolve(now);
    rmSync(wanted.path, { force: true });
    return Promise.resolve(tryClaim(wanted));
  });
}

/** The content of a claim, or undefined when there is none. */
export function readClaim(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw readError(path, error);
  }
}

/** Null when the claim is made, else the content of the one that is there. */
function tryClaim({ path, content, draft }: Claim): string | null {
  writeDraft(draft, content);
  try {
    for (;;) {
      const holder = link(draft, path) ? null : readClaim(path);
      // Undefined: it was given up between the two calls.
      if (holder !== undefined) return holder;
    }
  } finally {
    unlinkSync(draft);
  }
}

function writeDraft(draft: string, content: string): void {
  try {
    writeFileSync(draft, content, { mode: 0o600 });
  } catch (error) {
    throw writeError(draft, error);
  }
}

function link(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    if (errnoOf(error) !== 'ENOENT') throw writeError(path, error);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return link(draft, path);
  }
}
