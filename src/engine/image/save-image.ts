/** `hutch save`: images into an archive that docker, podman, skopeo and hutch read; in the CLI process. */
import { createWriteStream, existsSync, renameSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { familiarName, fullName, parseReference } from '../../images/reference.ts';
import {
  ARCHIVE_FORMATS,
  writeArchive,
  type ArchiveFormat,
  type SavedImage,
} from '../../images/archive/write-archive.ts';
import { syncPath } from '../../images/store/blob-file.ts';
import { findEntries, platformEntry, resolveImage, unknownImage } from '../../images/store/find-image.ts';
import { nameOf } from '../../images/store/index-names.ts';
import { blobPath, readNestedIndex } from '../../images/store/layout.ts';
import { isIndexType, type Descriptor } from '../../oci/image.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { refuseHostImage } from './host-image.ts';

export interface SaveOptions {
  /** Names or ids; an image given by its id is saved without a name. */
  readonly images: readonly string[];
  /** A path; null for stdout. */
  readonly output: string | null;
  /** `docker-archive` or `oci-archive`. */
  readonly format?: string | undefined;
}

/** Saves images. IMAGE_UNKNOWN, RECORD_CORRUPT, USAGE_INVALID for a terminal or an unknown format; no half archive stays. */
export async function saveImages({ images, output, format = 'docker-archive' }: SaveOptions): Promise<void> {
  const known = ARCHIVE_FORMATS.find((candidate) => candidate === format);
  if (known === undefined) throw unknownFormat(format);
  if (output === null && process.stdout.isTTY) throw isTerminal();
  for (const name of images) refuseHostImage(name, 'saved');
  const store = locateStore();
  const saved = gather(store, images);
  if (output === null) await toStdout(store, saved, known);
  else await toFile(store, saved, known, output);
}

function unknownFormat(format: string): HutchError {
  return new HutchError(`invalid value "${format}" for --format`, {
    code: 'USAGE_INVALID',
    hint: `give one of ${ARCHIVE_FORMATS.join(', ')}`,
    context: { format },
  });
}

function isTerminal(): HutchError {
  return new HutchError('an archive is not written to a terminal', {
    code: 'USAGE_INVALID',
    hint: 'give a file with --output, or redirect stdout',
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

async function toStdout(store: Store, saved: readonly SavedImage[], format: ArchiveFormat): Promise<void> {
  try {
    await pipeline(writeArchive(store, saved, format), process.stdout);
  } catch (error) {
    if (errnoOf(error) !== 'EPIPE') throw error;
    throw new HutchError('the reader of the archive went away before its end', {
      code: 'STORE_UNWRITABLE',
      cause: error,
    });
  }
}

/** Appears under its name only when it is whole. */
async function toFile(
  store: Store,
  saved: readonly SavedImage[],
  format: ArchiveFormat,
  output: string,
): Promise<void> {
  const half = `${output}.${String(process.pid)}.part`;
  try {
    await pipeline(writeArchive(store, saved, format), createWriteStream(half, { flags: 'wx', mode: 0o644 }));
    syncPath(half);
    renameSync(half, output);
  } catch (error) {
    rmSync(half, { force: true });
    if (errnoOf(error) === undefined || error instanceof HutchError) throw error;
    throw unwritable(output, error);
  }
}

function unwritable(output: string, cause: unknown): HutchError {
  const errno = errnoOf(cause) ?? String(cause);
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
  return new HutchError(`cannot write ${output}: ${errno}`, {
    code: isFull ? 'STORAGE_FULL' : 'STORE_UNWRITABLE',
    hint: isFull ? 'free some space there, or write to another file system' : 'give --output a path that you can write',
    cause,
    context: { path: output, errno },
  });
}
