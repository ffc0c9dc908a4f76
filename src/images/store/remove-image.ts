/** Removing names and images, and what nothing refers to any more; on the host's side. */
import { rmSync } from 'node:fs';
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import type { Descriptor, Digest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { findEntries, imageIdOf, shownName, unknownImage } from './find-image.ts';
import { nameOf, tidy } from './index-names.ts';
import { blobPath, readIndex, withIndexLock, writeIndex } from './layout.ts';
import { markReachable } from './reachable.ts';
import { deleteUnneeded, findUnneeded, type ImageUse, type ReadUses } from './sweep.ts';

export interface RemoveOptions {
  /** Removes all names of an image given by id, and images that containers were made from; their layers stay. */
  readonly isForced: boolean;
  /** Removes all names of an image given by id. */
  readonly allNames?: boolean;
  readonly readUses: ReadUses;
}

export interface RemovedImage {
  readonly untagged: readonly string[];
  /** The image's id and the diff ids of its layers, as far as they are gone. */
  readonly deleted: readonly Digest[];
}

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
    if (gone.length > 1 && !options.isForced && options.allNames !== true) throw hasSeveralNames(name, gone);
    if (isLast && !options.isForced) refuseUsed(name, id, options.readUses());
    const swept = await dropEntries(store, gone, kept, options.readUses);
    const untagged = gone.map(shownName).filter((shown) => shown !== null);
    return { untagged, deleted: isLast && id !== undefined ? [id, ...swept] : swept };
  });
}

/** Removes every index entry that `isGone` picks, and what nothing needs then. No image in use is spared. */
export async function removeEntries(
  store: Store,
  isGone: (entry: Descriptor) => boolean,
  readUses: ReadUses,
): Promise<RemovedImage> {
  return withIndexLock(store, 'remove images', async () => {
    const all = readIndex(store).manifests;
    const gone = all.filter(isGone);
    if (gone.length === 0) return { untagged: [], deleted: [] };
    const kept = all.filter((entry) => !gone.includes(entry));
    const ids = gone.map((entry) => imageIdOf(store, entry) ?? entry.digest);
    const swept = await dropEntries(store, gone, kept, readUses);
    const left = new Set(kept.map((entry) => imageIdOf(store, entry)));
    const deleted = [...new Set(ids)].filter((id) => !left.has(id));
    return { untagged: gone.map(shownName).filter((shown) => shown !== null), deleted: [...deleted, ...swept] };
  });
}

/** The index first where there is room, so that a death between the two leaves garbage and no holes. Returns the layers that are gone. */
async function dropEntries(
  store: Store,
  gone: readonly Descriptor[],
  kept: readonly Descriptor[],
  readUses: ReadUses,
): Promise<Digest[]> {
  const before = markReachable(store, gone).blobs;
  try {
    writeIndex(store, kept);
  } catch (error) {
    if (!isHutchError(error, 'STORAGE_FULL')) throw error;
    makeRoom(store, [...before.keys()], kept);
    writeIndex(store, kept);
  }
  const unneeded = findUnneeded(store, readUses, (digest) => before.has(digest));
  return deleteUnneeded(store, unneeded, readUses);
}

/** On a full disk the blobs go first: after a death in between the image is damaged, and can be removed as such. */
function makeRoom(store: Store, blobs: readonly Digest[], kept: readonly Descriptor[]): void {
  const needed = markReachable(store, kept);
  if (needed.damage.length > 0) return;
  for (const digest of blobs) if (!needed.blobs.has(digest)) rmSync(blobPath(store, digest), { force: true });
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
