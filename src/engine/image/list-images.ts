/** `hutch images`: what images there are; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { listImageDetails, listImages, type ImageDetails, type ImageEntry } from '../../images/store/list-images.ts';
import { locateStore } from '../../state/store.ts';
import { HOST_IMAGE } from './host-image.ts';

export type { ImageDetails } from '../../images/store/list-images.ts';

export interface ListOptions {
  /** `key=value`: dangling, reference (a pattern with * and ?), label. */
  readonly filters?: readonly string[] | undefined;
  /** Only this repository, with or without a tag. */
  readonly name?: string | undefined;
}

type Filter = (image: ImageDetails) => boolean;

/** The images with all columns, newest first. USAGE_INVALID names a filter it does not know. */
export function listImagesInFull(options: ListOptions = {}): ImageDetails[] {
  const filters = filtersOf(options);
  return listImageDetails(locateStore()).filter((image) => filters.every((filter) => filter(image)));
}

/** Ids only, each once: the quick way for `-q`, which reads no configuration. */
export function listImageIds(options: ListOptions = {}): string[] {
  const isPlain = (options.filters ?? []).length === 0 && options.name === undefined;
  const images: readonly ImageEntry[] = isPlain ? listImages(locateStore()) : listImagesInFull(options);
  return [...new Set(images.map(({ id }) => id))];
}

/** How the embedded image is shown among the others. */
export const HOST_ROW = { id: HOST_IMAGE, repository: HOST_IMAGE, tag: 'latest' } as const;

function filtersOf({ filters = [], name }: ListOptions): Filter[] {
  const parsed = filters.map(parseFilter);
  return name === undefined ? parsed : [...parsed, matchesReference(name)];
}

function parseFilter(text: string): Filter {
  const split = text.indexOf('=');
  const [key, value] = [text.slice(0, split), text.slice(split + 1)];
  if (split > 0 && key === 'reference') return matchesReference(value);
  if (split > 0 && key === 'label') return matchesLabel(value);
  if (key === 'dangling' && ['true', '1', 'false', '0'].includes(value)) {
    const isWanted = value === 'true' || value === '1';
    return (image) => (image.repository === null) === isWanted;
  }
  throw new HutchError(`--filter "${text}" is not known`, {
    code: 'USAGE_INVALID',
    hint: 'use dangling=true|false, reference=PATTERN or label=KEY[=VALUE]',
    context: { filter: text },
  });
}

/** A pattern without a tag fits all tags; * and ? do not cross a slash. */
function matchesReference(pattern: string): Filter {
  const regExp = globOf(pattern);
  return ({ repository, tag }) =>
    repository !== null && (regExp.test(repository) || regExp.test(`${repository}:${tag ?? ''}`));
}

function globOf(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/gu, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${source}$`, 'u');
}

function matchesLabel(text: string): Filter {
  const [key = '', ...rest] = text.split('=');
  return ({ labels }) => Object.hasOwn(labels, key) && (rest.length === 0 || labels[key] === rest.join('='));
}
