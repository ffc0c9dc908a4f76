/** Names that belong to no container; on the host's side. */
import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isHutchError } from '../../../errors/hutch-error.ts';
import { readClaim } from '../../../state/claim.ts';
import { isContainerId } from '../../../state/container-id.ts';
import { containerDirectory, readContainer } from '../../../state/container-record.ts';
import { withLock } from '../../../state/lock.ts';
import type { Store } from '../../../state/store.ts';
import { pathsIn, type Leftover } from './leftover.ts';

/** Names that point nowhere, or at a container that is called otherwise. Takes the lock of renaming when there is a suspect. */
export async function findNameLeftovers(store: Store): Promise<Leftover[]> {
  const suspects = pathsIn(join(store.root, 'names')).filter((path) => problemOf(store, path) !== null);
  if (suspects.length === 0) return [];
  return withLock(store.containers, 'check names', () =>
    Promise.resolve(
      suspects.flatMap((place) => {
        const text = problemOf(store, place);
        return text === null ? [] : [{ kind: 'name', place, text, mend: () => free(store, place) } as const];
      }),
    ),
  );
}

/** Under the locks of renaming and of taking names over, so that nobody's name is freed. */
function free(store: Store, path: string): Promise<void> {
  const purpose = 'free a name that points nowhere';
  return withLock(store.containers, purpose, () =>
    withLock(join(store.root, 'names'), purpose, () => {
      if (problemOf(store, path) !== null) rmSync(path, { force: true });
      return Promise.resolve();
    }),
  );
}

function problemOf(store: Store, path: string): string | null {
  const name = basename(path);
  const id = readClaim(path);
  if (id === undefined) return null;
  if (!isContainerId(id)) return `the name "${name}" belongs to "${id.slice(0, 80)}", which is no container id`;
  if (!existsSync(containerDirectory(store, id))) return `the name "${name}" belongs to a container that is gone`;
  const called = nameOnRecord(store, id);
  if (called === undefined || called === name) return null;
  return `the name "${name}" belongs to a container that is called "${called}" now`;
}

/** Undefined while there is no record that can be read. */
function nameOnRecord(store: Store, id: string): string | undefined {
  try {
    return readContainer(store, id)?.name;
  } catch (error) {
    if (isHutchError(error, 'RECORD_CORRUPT')) return undefined;
    throw error;
  }
}
