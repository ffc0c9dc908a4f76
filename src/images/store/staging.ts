/** Half-made things: a private directory for each maker, cleaned up when the maker is dead; on the host's side. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../errors/hutch-error.ts';
import { listNames, writeError } from '../../state/json-file.ts';
import { isMakerDead, makerName } from '../../state/maker-name.ts';
import { requireMarked, type Store } from '../../state/store.ts';
import { removeInUserns } from '../../userns/run-in-userns.ts';

/** Makes a new directory in `store.staging` whose name says who made it. STORAGE_FULL, STORE_UNWRITABLE. */
export function makeStaging(store: Store): string {
  const path = join(store.staging, makerName('image'));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    throw writeError(path, error);
  }
  return path;
}

/** Removes a staging directory with all it holds, also files of subordinate ids. */
export async function removeStaging(store: Store, path: string): Promise<void> {
  requireMarked(store.root);
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    await removeInUserns([path]);
  }
}

/** Removes what dead makers left behind. */
export async function cleanStaging(store: Store): Promise<void> {
  for (const path of listAbandoned(store)) await removeStaging(store, path);
}

/** Staging directories whose makers are dead. */
export function listAbandoned(store: Store): string[] {
  return listStaging(store)
    .filter(({ isMakerAlive }) => !isMakerAlive)
    .map(({ path }) => path);
}

/** All staging directories, and whether their makers live. */
export function listStaging(store: Store): { readonly path: string; readonly isMakerAlive: boolean }[] {
  return listNames(store.staging).flatMap((name) => {
    const isDead = isMakerDead(name);
    return isDead === undefined ? [] : [{ path: join(store.staging, name), isMakerAlive: !isDead }];
  });
}
