/** `hutch images`: what images there are; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { listImageDetails, listImages, type ImageDetails, type ImageEntry } from '../../images/store/list-images.ts';
import { locateStore } from '../../state/store.ts';
import { HOST_IMAGE } from './host-image.ts';
import { compileFilters, matchesReference } from './image-filters.ts';

export type { ImageDetails } from '../../images/store/list-images.ts';

export interface ListOptions {
  /** `key=value`; see src/engine/image/image-filters.ts. */
  readonly filters?: readonly string[] | undefined;
  /** Only this repository, with or without a tag. */
  readonly name?: string | undefined;
  /** created (newest first; what is meant when it is left out), id, repository, size (smallest first) or tag. */
  readonly sort?: string | undefined;
}

type Order = (a: ImageDetails, b: ImageDetails) => number;

const byText =
  (text: (image: ImageDetails) => string | null): Order =>
  (a, b) => {
    const [left, right] = [text(a) ?? '', text(b) ?? ''];
    return left === right ? 0 : left < right ? -1 : 1;
  };

const ORDERS: Readonly<Record<string, Order>> = {
  created: () => 0,
  id: byText(({ id }) => id),
  repository: byText(({ repository, tag }) => (repository === null ? null : `${repository}:${tag ?? ''}`)),
  size: (a, b) => a.sizeBytes - b.sizeBytes,
  tag: byText(({ tag }) => tag),
};

/** The images with all columns. USAGE_INVALID names a filter or an order that it does not know. */
export function listImagesInFull({ filters = [], name, sort = 'created' }: ListOptions = {}): ImageDetails[] {
  const order = Object.hasOwn(ORDERS, sort) ? ORDERS[sort] : undefined;
  if (order === undefined) throw unknownOrder(sort);
  const store = locateStore();
  const images = listImageDetails(store);
  const filter = compileFilters(filters, { store, images });
  const isNamed = name === undefined ? (): boolean => true : matchesReference(name);
  return images.filter((image) => filter(image) && isNamed(image)).sort(order);
}

/** Ids only, each once: the quick way for `-q`, which reads no configuration. */
export function listImageIds(options: ListOptions = {}): string[] {
  const isPlain = (options.filters ?? []).length === 0 && options.name === undefined && options.sort === undefined;
  const images: readonly ImageEntry[] = isPlain ? listImages(locateStore()) : listImagesInFull(options);
  return [...new Set(images.map(({ id }) => id))];
}

/** How the embedded image is shown among the others. */
export const HOST_ROW = { id: HOST_IMAGE, repository: HOST_IMAGE, tag: 'latest' } as const;

function unknownOrder(sort: string): HutchError {
  return new HutchError(`invalid value "${sort}" for --sort`, {
    code: 'USAGE_INVALID',
    hint: `give one of ${Object.keys(ORDERS).join(', ')}`,
  });
}
