/** `hutch save`: images into an archive that docker, podman, skopeo and hutch read; in the CLI process. */
import { existsSync } from 'node:fs';
import { HutchError } from '../../errors/hutch-error.ts';
import { familiarName, fullName, parseReference } from '../../images/reference.ts';
import { ARCHIVE_FORMATS, writeArchive, type SavedImage } from '../../images/archive/write-archive.ts';
import { findEntries, platformEntry, resolveImage, unknownImage } from '../../images/store/find-image.ts';
import { nameOf } from '../../images/store/index-names.ts';
import { blobPath, readNestedIndex } from '../../images/store/layout.ts';
import { isIndexType, type Descriptor } from '../../oci/image.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { refuseHostImage } from './host-image.ts';
import { NEVER, refuseTerminal, writeOutput } from './write-output.ts';

export interface SaveOptions {
  /** Names or ids; an image given by its id is saved without a name. */
  readonly images: readonly string[];
  /** A path; null for stdout. */
  readonly output: string | null;
  /** `docker-archive` or `oci-archive`. */
  readonly format?: string | undefined;
  /** Ends it without an archive; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** Saves images. IMAGE_UNKNOWN, RECORD_CORRUPT, USAGE_INVALID for a terminal or an unknown format; no half archive stays. */
export async function saveImages({
  images,
  output,
  format = 'docker-archive',
  signal = NEVER,
}: SaveOptions): Promise<void> {
  const known = ARCHIVE_FORMATS.find((candidate) => candidate === format);
  if (known === undefined) throw unknownFormat(format);
  refuseTerminal(output);
  for (const name of images) refuseHostImage(name, 'saved');
  const store = locateStore();
  const saved = gather(store, images);
  await writeOutput(output, signal, (send) => send(writeArchive(store, saved, known)));
}

function unknownFormat(format: string): HutchError {
  return new HutchError(`invalid value "${format}" for --format`, {
    code: 'USAGE_INVALID',
    hint: `give one of ${ARCHIVE_FORMATS.join(', ')}`,
    context: { format },
  });
}

/** One entry for each image, with all the names it was asked for by. */
function gather(store: Store, names: readonly string[]): SavedImage[] {
  const byId = new Map<string, SavedImage>();
  for (const name of names) {
    const image = resolveImage(store, name);
    const [entry] = findEntries(store, name);
    if (entry === undefined) throw unknownImage(name);
    const key = image.manifestDigest;
    const before = byId.get(key)?.names ?? [];
    const added = nameGiven(entry, name).filter(({ full }) => !before.some((other) => other.full === full));
    byId.set(key, { image, root: wholeEntry(store, entry), names: [...before, ...added] });
  }
  return [...byId.values()];
}

function nameGiven(entry: Descriptor, name: string): SavedImage['names'] {
  const full = nameOf(entry);
  if (full === undefined || !isCalledBy(full, name)) return [];
  return [{ full, familiar: familiarName(parseReference(full)) }];
}

function isCalledBy(full: string, name: string): boolean {
  return !name.startsWith('sha256:') && fullName(parseReference(name)) === full;
}

/** Of an index that is not here in full, the part for this host: other programs want what an index lists. */
function wholeEntry(store: Store, entry: Descriptor): Descriptor {
  const isWhole =
    !isIndexType(entry.mediaType) ||
    readNestedIndex(store, entry).manifests.every(({ digest }) => existsSync(blobPath(store, digest)));
  return isWhole ? entry : platformEntry(store, entry);
}
