/** `hutch gc`: deletes what nothing needs, and says what is wrong with the store; in the CLI process. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { layerDirectory } from '../../images/layer/layers.ts';
import { checkStore } from '../../images/store/check-store.ts';
import { blobPath, withIndexLock } from '../../images/store/layout.ts';
import { listAbandoned, listStaging, removeStaging } from '../../images/store/staging.ts';
import { deleteUnneeded, findUnneeded } from '../../images/store/sweep.ts';
import { measureTrees } from '../../userns/measure-trees.ts';
import { isLocked } from '../../state/lock.ts';
import type { Store } from '../../state/store.ts';
import { readImageUses } from './image-uses.ts';
import { openImageStore } from './open-image-store.ts';

export interface GarbageOptions {
  /** Also content younger than an hour, which another program may just be copying in. */
  readonly all?: boolean;
  /** Deletes nothing. */
  readonly dryRun?: boolean;
}

export interface Garbage {
  readonly kind: 'layer' | 'blob' | 'unfinished';
  /** A digest, or a path below the store. */
  readonly name: string;
  /** On disk. */
  readonly sizeBytes: number;
}

export interface Collected {
  readonly garbage: readonly Garbage[];
  /** What is wrong with the store; nothing but half-made things is deleted while an image cannot be read. */
  readonly problems: readonly string[];
}

/** What an interrupted pull left may be taken up again for that long. */
const RESUMABLE_MS = 3_600_000;

/**
 * Marks from the index, the containers' records and the living makers of half-made things, and sweeps the rest. Safe while other
 * hutch processes pull, import, run and remove: they hold the index lock for what they make visible.
 */
export async function collectGarbage({ all = false, dryRun = false }: GarbageOptions = {}): Promise<Collected> {
  const { store } = await openImageStore();
  const readUses = (): ReturnType<typeof readImageUses> => readImageUses(store);
  return withIndexLock(store, 'collect garbage', async () => {
    const unneeded = findUnneeded(store, readUses, () => all);
    // A layer may wait for the image that somebody is just putting together.
    const isBusy = listStaging(store).some(({ isMakerAlive }) => isMakerAlive);
    const unfinished = [...listAbandoned(store), ...listDownloads(store, all && !isBusy ? 0 : RESUMABLE_MS)];
    const problems = checkStore(store);
    const layers = unneeded.damage.length > 0 ? [] : unneeded.layers;
    const blobs = unneeded.damage.length > 0 ? [] : unneeded.blobs;
    const garbage = await measured([
      ...layers.map((name) => ({ kind: 'layer' as const, name, path: layerDirectory(store, name) })),
      ...blobs.map((name) => ({ kind: 'blob' as const, name, path: blobPath(store, name) })),
      ...unfinished.map((path) => ({ kind: 'unfinished' as const, name: path, path })),
    ]);
    if (!dryRun) {
      await deleteUnneeded(store, unneeded, readUses);
      for (const path of unfinished) await removeStaging(store, path);
    }
    return { garbage, problems };
  });
}

/** Half-fetched blobs and layers that wait for their image, unless somebody works on them; and the locks of the dead. */
function listDownloads(store: Store, keptMs: number): string[] {
  const directory = join(store.staging, 'downloads');
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const isHeld = (name: string): boolean => isLocked(join(directory, stemOf(name)));
  return names
    .filter((name) => !isHeld(name))
    .map((name) => join(directory, name))
    .filter((path) => Number.isFinite(ageMs(path)) && ageMs(path) >= keptMs);
}

/** Since a file was last touched; Infinity when there is none. */
function ageMs(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? Infinity : Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs);
}

function stemOf(name: string): string {
  return name.replace(/\.(part|blob|layer|lock)$/u, '');
}

async function measured(
  found: readonly (Omit<Garbage, 'sizeBytes'> & { readonly path: string })[],
): Promise<Garbage[]> {
  const sizes = await measureTrees(found.map(({ path }) => path));
  return found.map(({ kind, name, path }) => ({ kind, name, sizeBytes: sizes.get(path) ?? 0 }));
}
