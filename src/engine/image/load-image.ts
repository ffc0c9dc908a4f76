/** `hutch load`: images out of an archive that hutch, docker, podman or skopeo wrote; in the CLI process. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { findArchivedImages, type ArchivedImage } from '../../images/archive/archived-images.ts';
import { splitArchive } from '../../images/archive/split-archive.ts';
import { obtainLayer, type ObtainedLayer, type ObtainOptions } from '../../images/layer/obtain-layer.ts';
import { familiarName } from '../../images/reference.ts';
import { commitImage, tagImage } from '../../images/store/commit-image.ts';
import { blobPath } from '../../images/store/layout.ts';
import { cleanStaging, makeStaging, removeStaging } from '../../images/store/staging.ts';
import type { Digest } from '../../oci/image.ts';
import { openArchive } from './archive-input.ts';
import { isHostImage } from './host-image.ts';
import { countLostOwners } from './lost-owners.ts';
import { openImageStore, type OwnedStore } from './open-image-store.ts';
import { squashedIn } from './squash-note.ts';
import { storeWhole } from './store-whole.ts';

export interface LoadOptions {
  /** Path of an archive (docker-archive or oci-archive; plain, gzip or zstd), or `-` for stdin. */
  readonly file: string;
  /** Files of ids without a counterpart go to nobody instead of being an error. */
  readonly squashIds?: boolean | undefined;
  /** Bytes of the archive taken so far; `totalBytes` is null where it is not known. */
  readonly onProgress?: ((sizeBytes: number, totalBytes: number | null) => void) | undefined;
}

export interface LoadedImage {
  readonly id: Digest;
  /** As people write them; empty for an image without a name. */
  readonly names: readonly string[];
  /** Files of ids without a counterpart that went to nobody now. */
  readonly squashedIds: number;
  /** Entries whose owner could not be kept, as one id only is mapped. */
  readonly lostOwners: number;
}

/**
 * Loads all images of an archive, or none that is not whole. ARCHIVE_INVALID, SPEC_INVALID, USAGE_INVALID, REFERENCE_INVALID, and as
 * importImage. Every digest, size and diff id is checked before an image becomes visible; layers are unpacked at once.
 */
export async function loadImages({ file, squashIds, onProgress }: LoadOptions): Promise<LoadedImage[]> {
  const input = openArchive(file, 'give the path of an archive, or the archive on stdin');
  const owned = await openImageStore();
  await cleanStaging(owned.store);
  const staging = makeStaging(owned.store);
  try {
    const parts = join(staging, 'parts');
    mkdirSync(parts, { mode: 0o700 });
    const members = await splitArchive(input.open(), parts, (sizeBytes) => onProgress?.(sizeBytes, input.sizeBytes));
    const images = findArchivedImages(members, staging);
    refuseReserved(images);
    const loaded: LoadedImage[] = [];
    for (const image of images) loaded.push(await storeWhole(() => loadOne(owned, image, { squashIds })));
    return loaded;
  } finally {
    await removeStaging(owned.store, staging);
  }
}

function refuseReserved(images: readonly ArchivedImage[]): void {
  const name = images.flatMap(({ references }) => references.map(familiarName)).find(isHostImage);
  if (name === undefined) return;
  throw new HutchError(`an image cannot be loaded as "${name}"`, {
    code: 'REFERENCE_INVALID',
    hint: 'that is the built-in image; save it under another name',
    context: { reference: name },
  });
}

async function loadOne(
  { store, owner }: OwnedStore,
  image: ArchivedImage,
  options: ObtainOptions,
): Promise<LoadedImage> {
  const layers: ObtainedLayer[] = [];
  for (const { diffId, blob } of new Map(image.layers.map((layer) => [layer.diffId, layer])).values()) {
    const { digest } = blob.descriptor;
    // An image before this one in the archive may have moved the blob to its place already.
    const path = existsSync(blob.path) ? blob.path : blobPath(store, digest);
    const layer = await obtainLayer(store, owner, { diffId, digest, path }, options);
    if (layer !== null) layers.push(layer);
  }
  const [first = null, ...others] = image.references;
  await commitImage(store, {
    reference: first,
    manifest: image.root,
    blobs: image.blobs,
    layers,
    needs: {
      blobs: image.blobs.map(({ descriptor }) => descriptor.digest),
      layers: image.layers.map(({ diffId }) => diffId),
    },
  });
  for (const reference of others) await tagImage(store, image.root.descriptor.digest, reference);
  const lostOwners = countLostOwners(
    store,
    image.layers.map(({ diffId }) => diffId),
  );
  const names = image.references.map(familiarName);
  return { id: image.id, names, squashedIds: squashedIn(layers), lostOwners };
}
