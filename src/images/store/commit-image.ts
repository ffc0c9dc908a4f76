/** Making an image visible: blobs and layers move into place, then the index names them; on the host's side. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import type { Descriptor, Digest } from '../../oci/image.ts';
import { writeError } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import type { LocateLayer } from '../layer/layer-stack.ts';
import { hasLayer, layerDirectory } from '../layer/layers.ts';
import { makeSeams } from '../layer/make-seams.ts';
import { fullName, type Reference } from '../reference.ts';
import { syncPath, type StagedBlob } from './blob-file.ts';
import { nameOf, tidy, withName } from './index-names.ts';
import { blobPath, readIndex, withIndexLock, writeIndex } from './layout.ts';
import { syncLayers } from './sync-layers.ts';

/** An unpacked layer in staging, its record written. */
export interface StagedLayer {
  readonly directory: string;
  readonly diffId: Digest;
  /** True when syncLayers() ran after it was written: it is not synced again before it becomes visible. */
  readonly isSynced?: boolean;
}

export interface NewImage {
  /** Null leaves the image without a name. */
  readonly reference: Reference | null;
  readonly manifest: StagedBlob;
  /** Configuration and layers that are in staging; others must be in the store. */
  readonly blobs: readonly StagedBlob[];
  readonly layers: readonly StagedLayer[];
  /**
   * What the image needs to be whole: checked under the lock, so that a removal at the same time cannot leave holes. Layers as its
   * configuration lists them, lowest first.
   */
  readonly needs: { readonly blobs: readonly Digest[]; readonly layers: readonly Digest[] };
}

/**
 * Adds the image to the store. A name that another image had moves over; that image stays, nameless. IMAGE_UNKNOWN with `isIncomplete`
 * when something it needs is neither in the store nor in staging: nothing was moved then, and the caller may get it again.
 */
export async function commitImage(store: Store, image: NewImage): Promise<void> {
  await syncNew(store, image.layers);
  await withIndexLock(store, 'add an image', async () => {
    requireWhole(store, image);
    await makeSeams(store, image.needs.layers, locateIn(store, image.layers));
    for (const blob of [...image.blobs, image.manifest]) placeBlob(store, blob);
    for (const layer of image.layers) placeLayer(store, layer);
    for (const directory of new Set(
      [...image.blobs, image.manifest].map((blob) => dirname(blobPath(store, blob.descriptor.digest))),
    ))
      syncPath(directory);
    if (image.layers.length > 0) syncPath(store.layers);
    addName(store, image.manifest.descriptor, image.reference);
  });
}

async function syncNew(store: Store, layers: readonly StagedLayer[]): Promise<void> {
  if (layers.some(({ isSynced }) => isSynced !== true)) await syncLayers(store);
}

/** Where a layer is while `staged` ones are on their way. */
function locateIn(store: Store, staged: readonly StagedLayer[]): LocateLayer {
  const places = new Map(staged.map(({ directory, diffId }) => [diffId, directory]));
  return (diffId) => {
    const staging = places.get(diffId);
    const place = layerDirectory(store, diffId);
    return staging !== undefined && !existsSync(place) ? staging : place;
  };
}

/**
 * Adds unpacked layers to an image that the store has and that consists of the layers `diffIds`, lowest first. IMAGE_UNKNOWN when it was
 * removed meanwhile.
 */
export async function commitLayers(
  store: Store,
  manifestDigest: Digest,
  layers: readonly StagedLayer[],
  diffIds: readonly Digest[],
): Promise<void> {
  await syncNew(store, layers);
  await withIndexLock(store, 'add layers', async () => {
    entryOf(store, manifestDigest);
    await makeSeams(store, diffIds, locateIn(store, layers));
    for (const layer of layers) placeLayer(store, layer);
    syncPath(store.layers);
  });
}

function entryOf(store: Store, manifestDigest: Digest): Descriptor {
  const entry = readIndex(store).manifests.find(({ digest }) => digest === manifestDigest);
  if (entry !== undefined) return entry;
  throw new HutchError(`there is no image ${manifestDigest}`, { code: 'IMAGE_UNKNOWN', hint: 'see hutch images' });
}

/** One that is gone was in the store already: requireWhole() has seen to that. */
function placeBlob(store: Store, { path, descriptor }: StagedBlob): void {
  const target = blobPath(store, descriptor.digest);
  if (existsSync(target) || !existsSync(path)) return;
  try {
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    renameSync(path, target);
  } catch (error) {
    throw writeError(target, error);
  }
}

/** As with a blob; another image may have brought the layer meanwhile. */
function placeLayer(store: Store, { directory, diffId }: StagedLayer): void {
  if (hasLayer(store, diffId) || !existsSync(directory)) return;
  const target = layerDirectory(store, diffId);
  try {
    renameSync(directory, target);
  } catch (error) {
    throw writeError(target, error);
  }
}

function requireWhole(store: Store, { blobs, layers, needs }: NewImage): void {
  const staged = new Set<Digest>([
    ...blobs.filter(({ path }) => existsSync(path)).map(({ descriptor }) => descriptor.digest),
    ...layers.filter(({ directory }) => existsSync(directory)).map(({ diffId }) => diffId),
  ]);
  const missing = [
    ...needs.blobs.filter((digest) => !staged.has(digest) && !existsSync(blobPath(store, digest))),
    ...[...new Set(needs.layers)].filter((diffId) => !staged.has(diffId) && !hasLayer(store, diffId)),
  ];
  if (missing.length === 0) return;
  throw new HutchError(`the image is not whole: ${missing.join(', ')} went away while it was stored`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'another hutch removed it at the same time; repeat the command',
    context: { isIncomplete: true },
  });
}

/** Gives an image that the store has one more name. IMAGE_UNKNOWN when it was removed meanwhile. */
export async function tagImage(store: Store, manifestDigest: Digest, reference: Reference): Promise<void> {
  await withIndexLock(store, 'tag an image', async () => {
    addName(store, entryOf(store, manifestDigest), reference);
    return Promise.resolve();
  });
}

/** Takes `names` from an image that stays, all of them for null. The first name that it has not got: nothing was taken then. */
export async function untagImage(
  store: Store,
  manifestDigest: Digest,
  names: readonly string[] | null,
): Promise<string | undefined> {
  return withIndexLock(store, 'untag an image', () => {
    const { manifests } = readIndex(store);
    const isOurs = (entry: Descriptor): boolean => entry.digest === manifestDigest;
    const missing = names?.find((name) => !manifests.some((entry) => isOurs(entry) && nameOf(entry) === name));
    const isTaken = (entry: Descriptor): boolean =>
      isOurs(entry) && (names === null || names.includes(nameOf(entry) ?? ''));
    if (missing === undefined)
      writeIndex(store, tidy(manifests.map((entry) => (isTaken(entry) ? withName(entry, undefined) : entry))));
    return Promise.resolve(missing);
  });
}

function addName(store: Store, descriptor: Descriptor, reference: Reference | null): void {
  const name = reference === null ? undefined : fullName(reference);
  const others = readIndex(store).manifests.map((entry) =>
    name !== undefined && nameOf(entry) === name ? withName(entry, undefined) : entry,
  );
  writeIndex(store, tidy([...others, withName(descriptor, name)]));
}
