/** Deleting layers and blobs that nothing needs: marked from what is on disk, never counted; on the host's side, under the index lock. */
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDigest, type Digest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { layerDirectory, listLayers } from '../layer/layers.ts';
import { blobPath, readIndex } from './layout.ts';
import { markReachable } from './reachable.ts';
import { makeStaging, removeStaging } from './staging.ts';

/** A container and what it was made from. */
export interface ImageUse {
  /** What the user calls the container. */
  readonly container: string;
  readonly imageId: string;
  /** Diff ids. */
  readonly layers: readonly string[];
}

/** Reads the containers there are now; called more than once. */
export type ReadUses = () => readonly ImageUse[];

/** What nothing needs. */
export interface Unneeded {
  readonly layers: readonly Digest[];
  readonly blobs: readonly Digest[];
  /** Why more may be needed than was found, in words; nothing may be deleted then. */
  readonly damage: readonly string[];
}

/** Blobs that nothing names may just be on their way in by another program's hands. */
const SETTLED_MS = 3_600_000;

/** Layers and blobs that neither an image nor a container needs. `isCertain` picks blobs that need not have lain there for an hour. */
export function findUnneeded(store: Store, readUses: ReadUses, isCertain: (digest: Digest) => boolean): Unneeded {
  const reachable = markReachable(store, readIndex(store).manifests);
  const used = usedLayers(readUses());
  const layers = listLayers(store).filter((diffId) => !reachable.layers.has(diffId) && !used.has(diffId));
  const blobs = listBlobs(store).filter(
    (digest) => !reachable.blobs.has(digest) && (isCertain(digest) || isSettled(blobPath(store, digest))),
  );
  return { layers, blobs, damage: reachable.damage };
}

/** Deletes what findUnneeded() has found; the layers that are gone. Only inside withIndexLock, and nothing where there is damage. */
export async function deleteUnneeded(store: Store, unneeded: Unneeded, readUses: ReadUses): Promise<Digest[]> {
  if (unneeded.damage.length > 0) return [];
  const deleted = await deleteLayers(store, unneeded.layers, readUses);
  for (const digest of unneeded.blobs) rmSync(blobPath(store, digest), { force: true });
  return deleted;
}

/**
 * Layers move out of sight first, and only then it is looked once more whether a container needs one. A container
 * writes its record first and looks for its layers then, so of the two at least one sees the other.
 */
async function deleteLayers(store: Store, unused: readonly Digest[], readUses: ReadUses): Promise<Digest[]> {
  if (unused.length === 0) return [];
  const staging = makeStaging(store);
  const hidden = (diffId: Digest): string => join(staging, diffId.replace(':', '-'));
  for (const diffId of unused) renameSync(layerDirectory(store, diffId), hidden(diffId));
  const usedNow = usedLayers(readUses());
  for (const diffId of unused.filter((candidate) => usedNow.has(candidate)))
    renameSync(hidden(diffId), layerDirectory(store, diffId));
  await removeStaging(store, staging);
  return unused.filter((diffId) => !usedNow.has(diffId));
}

function usedLayers(uses: readonly ImageUse[]): Set<string> {
  return new Set(uses.flatMap(({ layers }) => layers));
}

/** The digests of all blobs on disk. */
export function listBlobs(store: Store): Digest[] {
  const algorithms = readdirSync(join(store.images, 'blobs'));
  return algorithms
    .flatMap((algorithm) => readdirSync(join(store.images, 'blobs', algorithm)).map((hex) => `${algorithm}:${hex}`))
    .filter(isDigest);
}

function isSettled(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > SETTLED_MS;
}
