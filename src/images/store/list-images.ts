/** What images there are; on the host's side. Takes no lock. */
import { isHutchError } from '../../errors/hutch-error.ts';
import type { Descriptor, Digest, ImageConfig, ImageManifest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { layerSize } from '../layer/layers.ts';
import { familiarRepository, parseReference } from '../reference.ts';
import { readPlatformManifest } from './find-image.ts';
import { nameOf } from './index-names.ts';
import { readConfig, readIndex, type RecordCheck } from './layout.ts';

/** One name of one image. */
export interface ImageEntry {
  /** Digest of the configuration; of the manifest where that is damaged. */
  readonly id: Digest;
  /** Null for both of an image without a name. */
  readonly repository: string | null;
  readonly tag: string | null;
  readonly manifestDigest: Digest;
  /** What is wrong with it, in words; null for a sound image. */
  readonly damage: string | null;
}

export interface ImageDetails extends ImageEntry {
  /** RFC 3339, or null where the image does not say. */
  readonly created: string | null;
  /** Unpacked; of layers that are not unpacked yet, as they are stored. */
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Names and ids only: the index and one manifest for each image are read. */
export function listImages(store: Store): ImageEntry[] {
  return withoutRemoved(
    store,
    readIndex(store).manifests.map((entry) => describe(store, entry, 'size').entry),
  );
}

/** As listImages, with what the configurations and layers tell. Newest first. */
export function listImageDetails(store: Store): ImageDetails[] {
  const details = readIndex(store).manifests.map((descriptor) => {
    const { entry, manifest } = describe(store, descriptor, 'digest');
    return manifest === null
      ? { ...entry, created: null, sizeBytes: 0, labels: {} }
      : withDetails(store, entry, manifest);
  });
  return withoutRemoved(store, details).sort((a, b) => Date.parse(b.created ?? '') - Date.parse(a.created ?? '') || 0);
}

/** An image that another hutch removed while it was looked at is not damaged but gone. */
function withoutRemoved<T extends ImageEntry>(store: Store, entries: readonly T[]): T[] {
  if (entries.every(({ damage }) => damage === null)) return [...entries];
  const named = new Set(readIndex(store).manifests.map(({ digest }) => digest));
  return entries.filter(({ damage, manifestDigest }) => damage === null || named.has(manifestDigest));
}

function describe(
  store: Store,
  descriptor: Descriptor,
  check: RecordCheck,
): { entry: ImageEntry; manifest: ImageManifest | null } {
  const base = { ...namesOf(descriptor), manifestDigest: descriptor.digest };
  try {
    const manifest = readPlatformManifest(store, descriptor, check);
    return { entry: { ...base, id: manifest.config.digest, damage: null }, manifest };
  } catch (error) {
    if (!isHutchError(error, 'RECORD_CORRUPT', 'SPEC_INVALID', 'IMAGE_UNKNOWN')) throw error;
    return { entry: { ...base, id: descriptor.digest, damage: error.message }, manifest: null };
  }
}

function namesOf(descriptor: Descriptor): Pick<ImageEntry, 'repository' | 'tag'> {
  const name = nameOf(descriptor);
  if (name === undefined) return { repository: null, tag: null };
  const reference = parseReference(name);
  return { repository: familiarRepository(reference), tag: reference.tag };
}

function withDetails(store: Store, entry: ImageEntry, manifest: ImageManifest): ImageDetails {
  try {
    const config = readConfig(store, manifest.config);
    return {
      ...entry,
      created: config.created ?? null,
      sizeBytes: sizeOf(store, manifest, config),
      labels: config.config?.Labels ?? {},
    };
  } catch (error) {
    if (!isHutchError(error, 'RECORD_CORRUPT', 'SPEC_INVALID')) throw error;
    return { ...entry, created: null, sizeBytes: 0, labels: {}, damage: error.message };
  }
}

/** Bytes of all layers of an image. */
export function sizeOf(store: Store, manifest: ImageManifest, config: ImageConfig): number {
  const sizes = config.rootfs.diff_ids.map((diffId, at) => layerSize(store, diffId) ?? manifest.layers[at]?.size ?? 0);
  return sizes.reduce((sum, size) => sum + size, 0);
}
