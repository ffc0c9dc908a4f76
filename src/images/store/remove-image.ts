/** Removing names and images, and what nothing refers to any more; on the host's side. */
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { isDigest, type Descriptor, type Digest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { layerDirectory, listLayers } from '../layer/layers.ts';
import { findEntries, imageIdOf, shownName, unknownImage } from './find-image.ts';
import { nameOf, tidy } from './index-names.ts';
import { blobPath, readIndex, withIndexLock, writeIndex } from './layout.ts';
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

export interface RemoveOptions {
  /** Removes all names of an image given by id, and images that containers were made from; their layers stay. */
  readonly isForced: boolean;
  /** Reads the containers there are now; called more than once. */
  readonly readUses: () => readonly ImageUse[];
}

export interface RemovedImage {
  readonly untagged: readonly string[];
  /** The image's id and the diff ids of its layers, as far as they are gone. */
  readonly deleted: readonly Digest[];
}

/** Blobs that nothing names may just be on their way in by another program's hands. */
const SETTLED_MS = 3_600_000;

/**
 * Removes a name, and with its last name the image. IMAGE_UNKNOWN, IMAGE_IN_USE, REFERENCE_INVALID.
 * Blobs and layers go when no other image refers to them and no container was made from them.
 */
export async function removeImage(store: Store, name: string, options: RemoveOptions): Promise<RemovedImage> {
  return withIndexLock(store, `remove ${name}`, async () => {
    const gone = findEntries(store, name);
    const [first] = gone;
    if (first === undefined) throw unknownImage(name);
    const id = imageIdOf(store, first);
    const all = readIndex(store).manifests;
    const kept = tidy(all.filter((entry) => !gone.some((other) => isSameEntry(entry, other))));
    const isLast = !kept.some((entry) => entry.digest === first.digest);
    if (gone.length > 1 && !options.isForced) throw hasSeveralNames(name, gone);
    if (isLast && !options.isForced) refuseUsed(name, id, options.readUses());
    writeIndex(store, kept);
    const swept = await sweep(store, gone, options.readUses);
    const untagged = gone.map(shownName).filter((shown) => shown !== null);
    return { untagged, deleted: isLast && id !== undefined ? [id, ...swept] : swept };
  });
}

function isSameEntry(a: Descriptor, b: Descriptor): boolean {
  return a.digest === b.digest && nameOf(a) === nameOf(b);
}

function hasSeveralNames(name: string, entries: readonly Descriptor[]): HutchError {
  return new HutchError(`image ${name} has several names: ${entries.map(shownName).join(', ')}`, {
    code: 'IMAGE_IN_USE',
    hint: 'remove it by name, or all its names with --force',
    context: { image: name },
  });
}

function refuseUsed(name: string, id: Digest | undefined, uses: readonly ImageUse[]): void {
  const containers = uses.filter(({ imageId }) => imageId === id).map(({ container }) => container);
  if (containers.length === 0) return;
  throw new HutchError(`image ${name} is used by container ${containers.join(', ')}`, {
    code: 'IMAGE_IN_USE',
    hint: `remove it first: hutch rm ${containers.join(' ')}`,
    context: { image: name, container: containers[0] ?? null },
  });
}

/** Deletes what the index no longer reaches; the diff ids of deleted layers. Nothing when the index cannot be followed in full. */
async function sweep(
  store: Store,
  gone: readonly Descriptor[],
  readUses: RemoveOptions['readUses'],
): Promise<Digest[]> {
  const before = markReachable(store, gone);
  const reachable = markReachable(store, readIndex(store).manifests);
  if (reachable.damage.length > 0) return [];
  const layers = listLayers(store).filter((diffId) => !reachable.layers.has(diffId));
  const deleted = await sweepLayers(store, layers, readUses);
  for (const digest of listBlobs(store)) {
    if (reachable.blobs.has(digest)) continue;
    if (before.blobs.has(digest) || isSettled(blobPath(store, digest)))
      rmSync(blobPath(store, digest), { force: true });
  }
  return deleted;
}

/**
 * Layers move out of sight first, and only then it is looked once more whether a container needs one. A container
 * writes its record first and looks for its layers then, so of the two at least one sees the other.
 */
async function sweepLayers(
  store: Store,
  layers: readonly Digest[],
  readUses: RemoveOptions['readUses'],
): Promise<Digest[]> {
  if (layers.length === 0) return [];
  const used = usedLayers(readUses());
  const unused = layers.filter((diffId) => !used.has(diffId));
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

function listBlobs(store: Store): Digest[] {
  const algorithms = readdirSync(join(store.images, 'blobs'));
  return algorithms
    .flatMap((algorithm) => readdirSync(join(store.images, 'blobs', algorithm)).map((hex) => `${algorithm}:${hex}`))
    .filter(isDigest);
}

function isSettled(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > SETTLED_MS;
}
