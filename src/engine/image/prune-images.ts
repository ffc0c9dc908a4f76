/** `hutch image prune`: removes images that nothing uses; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { listImageDetails, type ImageDetails } from '../../images/store/list-images.ts';
import { removeEntries, type RemovedImage } from '../../images/store/remove-image.ts';
import { nameOf } from '../../images/store/index-names.ts';
import { familiarRepository, parseReference } from '../../images/reference.ts';
import { measureTrees } from '../../userns/measure-trees.ts';
import { readImageUses } from './image-uses.ts';
import { openImageStore } from './open-image-store.ts';

export interface PruneOptions {
  /** Also images with names. */
  readonly all: boolean;
  /** `until=MOMENT` or `until=24h`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`. */
  readonly filters?: readonly string[] | undefined;
}

export interface PrunedImages extends RemovedImage {
  /** What the disk has back. */
  readonly freedBytes: number;
}

type Filter = (image: ImageDetails) => boolean;

/** Removes images without a name, or with `all` every image, except those that containers were made from. USAGE_INVALID. */
export async function pruneImages({ all, filters = [] }: PruneOptions): Promise<PrunedImages> {
  const wanted = filters.map(parseFilter);
  const { store } = await openImageStore();
  const used = new Set(readImageUses(store).map(({ imageId }) => imageId));
  const images = listImageDetails(store).filter(
    (image) =>
      image.damage === null &&
      (all || image.repository === null) &&
      !used.has(image.id) &&
      wanted.every((filter) => filter(image)),
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

function parseFilter(text: string): Filter {
  const [, key = '', negation = '', value = ''] = /^(until|label)(!?)=(.+)$/u.exec(text) ?? [];
  if (key === 'until' && negation === '') {
    const limitMs = momentOf(value, text);
    return ({ created }) => created !== null && Date.parse(created) < limitMs;
  }
  if (key !== 'label') throw unknownFilter(text);
  const [label = '', ...rest] = value.split('=');
  const matches: Filter = ({ labels }) =>
    Object.hasOwn(labels, label) && (rest.length === 0 || labels[label] === rest.join('='));
  return negation === '' ? matches : (image) => !matches(image);
}

const MILLISECONDS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds since 1970 of `10m`, `1h30m`, a Unix time, or a date. */
function momentOf(value: string, text: string): number {
  if (/^(?:\d+[smhd])+$/u.test(value)) {
    const parts = [...value.matchAll(/(\d+)([smhd])/gu)];
    return (
      Date.now() - parts.reduce((sum, [, count, unit]) => sum + Number(count) * (MILLISECONDS[unit ?? ''] ?? 0), 0)
    );
  }
  const moment = /^\d+$/u.test(value) ? Number(value) * 1000 : Date.parse(value);
  if (Number.isNaN(moment)) throw unknownFilter(text);
  return moment;
}

function unknownFilter(text: string): HutchError {
  return new HutchError(`--filter "${text}" is not known`, {
    code: 'USAGE_INVALID',
    hint: 'use until=24h, until=2026-01-31, label=KEY[=VALUE] or label!=KEY[=VALUE]',
    context: { filter: text },
  });
}
