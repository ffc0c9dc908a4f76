/** `--filter` of the commands that list or remove images, with the keys of docker and podman; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { fullName, parseReference } from '../../images/reference.ts';
import { findEntries, unknownImage } from '../../images/store/find-image.ts';
import type { ImageDetails } from '../../images/store/list-images.ts';
import type { Store } from '../../state/store.ts';
import { momentOf } from '../parse-moment.ts';
import { hasLabel } from '../prune-filter.ts';
import { readImageUses } from './image-uses.ts';

export type ImageFilter = (image: ImageDetails) => boolean;

interface Place {
  readonly store: Store;
  /** All images, for what is relative to another one. */
  readonly images: readonly ImageDetails[];
}

/** Makes the filter of a value; undefined for a value that it cannot read. */
type Maker = (value: string, place: Place) => ImageFilter | undefined;

const MAKERS: Readonly<Record<string, Maker>> = {
  reference: (value) => matchesReference(value),
  label: (value) => hasLabel(value),
  'label!': (value) => not(hasLabel(value)),
  dangling: (value) => whether(value, ({ repository }) => repository === null),
  before: (value, place) => createdBefore(momentOfImage(value, place)),
  since: (value, place) => createdAfter(momentOfImage(value, place)),
  after: (value, place) => createdAfter(momentOfImage(value, place)),
  until: (value) => createdBefore(momentOf(value)),
  id: (value) => beginsWith(value, ({ id }) => id),
  digest: (value) => beginsWith(value, ({ manifestDigest }) => manifestDigest),
  containers: (value, { store }) => {
    const used = new Set(readImageUses(store).map(({ imageId }) => imageId));
    return whether(value, ({ id }) => used.has(id));
  },
  // hutch has neither images that cannot be written, nor the ones that a build leaves between its steps.
  readonly: (value) => whether(value, () => false),
  intermediate: (value) => whether(value, () => false),
};

/** Of several values of these keys one is enough; of all others each must fit. */
const ALTERNATIVES = ['reference', 'id', 'digest'];

/** One filter that stands for all `texts` (`key=value`, `label!=value`). USAGE_INVALID names one that it does not know, IMAGE_UNKNOWN. */
export function compileFilters(texts: readonly string[], place: Place): ImageFilter {
  const groups = new Map<string, ImageFilter[]>();
  for (const text of texts) {
    const [, key = '', value = ''] = /^([a-z]+!?)=(.*)$/su.exec(text) ?? [];
    const filter = Object.hasOwn(MAKERS, key) ? MAKERS[key]?.(value, place) : undefined;
    if (filter === undefined) throw unknownFilter(text);
    groups.set(key, [...(groups.get(key) ?? []), filter]);
  }
  return (image) =>
    [...groups].every(([key, filters]) =>
      ALTERNATIVES.includes(key) ? filters.some((filter) => filter(image)) : filters.every((filter) => filter(image)),
    );
}

/**
 * A pattern without a tag fits all tags; * and ? do not cross a slash. The registry may be left out, also `docker.io/library` or
 * `localhost`, as with podman.
 */
export function matchesReference(pattern: string): ImageFilter {
  const regExp = globOf(pattern);
  return ({ repository, tag }) => {
    if (repository === null) return false;
    const reference = parseReference(repository);
    const names = [repository, reference.path, fullName({ ...reference, tag: null })];
    return names.some((name) => regExp.test(name) || (tag !== null && regExp.test(`${name}:${tag}`)));
  };
}

function globOf(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/gu, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${source}$`, 'u');
}

function not(filter: ImageFilter): ImageFilter {
  return (image) => !filter(image);
}

function whether(value: string, filter: ImageFilter): ImageFilter | undefined {
  if (value === 'true' || value === '1') return filter;
  return value === 'false' || value === '0' ? not(filter) : undefined;
}

function beginsWith(value: string, text: (image: ImageDetails) => string): ImageFilter | undefined {
  const hex = value.replace(/^sha256:/u, '');
  return /^[0-9a-f]+$/u.test(hex)
    ? (image) =>
        text(image)
          .replace(/^sha256:/u, '')
          .startsWith(hex)
    : undefined;
}

function createdBefore(limitMs: number | undefined): ImageFilter | undefined {
  return limitMs === undefined ? undefined : ({ created }) => created !== null && Date.parse(created) < limitMs;
}

function createdAfter(limitMs: number | undefined): ImageFilter | undefined {
  return limitMs === undefined ? undefined : ({ created }) => created !== null && Date.parse(created) > limitMs;
}

/** When an image was created; NaN, before and after which nothing is, where it does not say. */
function momentOfImage(name: string, { store, images }: Place): number {
  const [entry] = findEntries(store, name);
  if (entry === undefined) throw unknownImage(name);
  const image = images.find(({ manifestDigest }) => manifestDigest === entry.digest);
  return Date.parse(image?.created ?? '');
}

function unknownFilter(text: string): HutchError {
  return new HutchError(`--filter "${text}" is not known`, {
    code: 'USAGE_INVALID',
    hint: 'use reference=PATTERN, label=KEY[=VALUE], label!=KEY[=VALUE], dangling=true|false, before=IMAGE, since=IMAGE, until=24h, id=ID, digest=DIGEST or containers=true|false',
    context: { filter: text },
  });
}
