/** `hutch image prune`: removes images that nothing uses; in the CLI process. */
import { listImageDetails } from '../../images/store/list-images.ts';
import { removeEntries, type RemovedImage } from '../../images/store/remove-image.ts';
import { nameOf } from '../../images/store/index-names.ts';
import { familiarRepository, parseReference } from '../../images/reference.ts';
import { measureTrees } from '../../userns/measure-trees.ts';
import { compileFilters } from './image-filters.ts';
import { readImageUses } from './image-uses.ts';
import { openImageStore } from './open-image-store.ts';

export interface PruneOptions {
  /** Also images with names. */
  readonly all: boolean;
  /** `key=value`; see src/engine/image/image-filters.ts. `dangling=false` means `all`, as with docker. */
  readonly filters?: readonly string[] | undefined;
}

export interface PrunedImages extends RemovedImage {
  /** What the disk has back. */
  readonly freedBytes: number;
}

/** Removes images without a name, or with `all` every image, except those that containers were made from. USAGE_INVALID. */
export async function pruneImages({ all, filters = [] }: PruneOptions): Promise<PrunedImages> {
  const { store } = await openImageStore();
  const isAll = all || filters.some((text) => /^dangling=(?:false|0)$/u.test(text));
  const details = listImageDetails(store);
  const isWanted = compileFilters(
    filters.filter((text) => !/^dangling=(?:true|false|[01])$/u.test(text)),
    { store, images: details },
  );
  const used = new Set(readImageUses(store).map(({ imageId }) => imageId));
  const images = details.filter(
    (image) => image.damage === null && (isAll || image.repository === null) && !used.has(image.id) && isWanted(image),
  );
  const chosen = new Set(images.map((image) => keyOf(image.manifestDigest, image.repository, image.tag)));
  const places = [store.images, store.layers];
  const before = await sumOf(places);
  const removed = await removeEntries(
    store,
    (entry) => {
      const name = nameOf(entry);
      const reference = name === undefined ? null : parseReference(name);
      return chosen.has(
        keyOf(entry.digest, reference === null ? null : familiarRepository(reference), reference?.tag ?? null),
      );
    },
    () => readImageUses(store),
  );
  return { ...removed, freedBytes: Math.max(0, before - (await sumOf(places))) };
}

function keyOf(digest: string, repository: string | null, tag: string | null): string {
  return JSON.stringify([digest, repository, tag]);
}

async function sumOf(paths: readonly string[]): Promise<number> {
  return [...(await measureTrees(paths)).values()].reduce((sum, size) => sum + size, 0);
}
