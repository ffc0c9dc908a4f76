/** What a push sends: an image's manifest with its blobs, or an index with the images that it names; in the CLI process. */
import { existsSync, statSync } from 'node:fs';
import { HutchError } from '../../errors/hutch-error.ts';
import { platformEntry, shownName } from '../../images/store/find-image.ts';
import { blobPath, readConfig, readManifest, readNestedIndex, readRecordBytes } from '../../images/store/layout.ts';
import { isIndexType, type Descriptor, type Platform } from '../../oci/image.ts';
import { choosePlatform, parsePlatform, platformName, runsOn } from '../../oci/platform.ts';
import type { Store } from '../../state/store.ts';

/** A blob and the file that holds it. */
export interface BlobToPush {
  readonly descriptor: Descriptor;
  readonly path: string;
}

/** A manifest or index as it will be in the registry. */
export interface PartToPush {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  /** Layers, then the configuration; none of an index. */
  readonly blobs: readonly BlobToPush[];
  /** What an index names, in its order; none of a manifest. */
  readonly parts: readonly PartToPush[];
}

export interface Choice {
  /** `os/architecture[/variant]`: that part alone. */
  readonly platform?: string | undefined;
  /** Everything that the index names, or nothing. */
  readonly allPlatforms?: boolean | undefined;
}

/**
 * Which descriptor is pushed of an index entry: of an index all when it is here in full, else the part for this host, which `warn`
 * hears of. IMAGE_UNKNOWN when it is not here, USAGE_INVALID.
 */
export function choosePushed(
  store: Store,
  entry: Descriptor,
  { platform, allPlatforms = false }: Choice,
  warn: (text: string) => void,
): Descriptor {
  if (platform !== undefined && allPlatforms) throw contradiction();
  if (platform !== undefined) return partFor(store, entry, parsePlatform(platform));
  if (!isIndexType(entry.mediaType)) return entry;
  const { manifests } = readNestedIndex(store, entry);
  const missing = manifests.filter((part) => !isHere(store, part));
  if (missing.length === 0) return entry;
  if (allPlatforms) throw notInFull(entry, missing);
  const part = platformEntry(store, entry);
  warn(
    `${nameIt(entry)} is for ${String(manifests.length)} platforms, of which not all are here: ${platformOf(part)} alone is pushed (--platform says so without a warning)`,
  );
  return part;
}

function partFor(store: Store, entry: Descriptor, wanted: Platform): Descriptor {
  if (!isIndexType(entry.mediaType)) {
    const config = readConfig(store, readManifest(store, entry).config);
    if (runsOn(config, wanted)) return entry;
    throw nothingFor(entry, wanted, [platformName(config)]);
  }
  const here = readNestedIndex(store, entry).manifests.filter((part) => isHere(store, part));
  const part = choosePlatform(here, wanted);
  if (part === undefined) throw nothingFor(entry, wanted, here.map(platformOf));
  return part;
}

/** True when a manifest and all it names are in the store. */
function isHere(store: Store, entry: Descriptor): boolean {
  if (!existsSync(blobPath(store, entry.digest))) return false;
  if (isIndexType(entry.mediaType)) return readNestedIndex(store, entry).manifests.every((part) => isHere(store, part));
  const { config, layers } = readManifest(store, entry);
  return [config, ...layers].every(({ digest }) => existsSync(blobPath(store, digest)));
}

/** Everything behind a descriptor. IMAGE_UNKNOWN for a blob that is not here, RECORD_CORRUPT for one of another size. */
export function gatherPart(store: Store, { mediaType, digest, size }: Descriptor): PartToPush {
  const descriptor: Descriptor = { mediaType, digest, size };
  const bytes = readRecordBytes(store, descriptor);
  if (isIndexType(mediaType)) {
    const parts = readNestedIndex(store, descriptor).manifests.map((part) => gatherPart(store, part));
    return { descriptor, bytes, blobs: [], parts };
  }
  const { layers, config } = readManifest(store, descriptor);
  return { descriptor, bytes, parts: [], blobs: [...layers, config].map((blob) => blobOf(store, blob)) };
}

function blobOf(store: Store, { mediaType, digest, size }: Descriptor): BlobToPush {
  const path = blobPath(store, digest);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.size === size) return { descriptor: { mediaType, digest, size }, path };
  const isMissing = found === undefined;
  const fault = isMissing ? 'is not here' : `is ${String(found.size)} bytes long, not ${String(size)}`;
  throw new HutchError(`its blob ${digest} ${fault}`, {
    code: isMissing ? 'IMAGE_UNKNOWN' : 'RECORD_CORRUPT',
    hint: 'pull or import the image again',
    context: { digest },
  });
}

/** The blobs of a part and of all below it, each once. */
export function blobsOf({ blobs, parts }: PartToPush): BlobToPush[] {
  const all = [...blobs, ...parts.flatMap(blobsOf)];
  return [...new Map(all.map((blob) => [blob.descriptor.digest, blob])).values()];
}

function nameIt(entry: Descriptor): string {
  return shownName(entry) ?? entry.digest;
}

function platformOf({ platform, digest }: Descriptor): string {
  return platform === undefined ? digest : platformName(platform);
}

function contradiction(): HutchError {
  return new HutchError('--platform and --all-platforms exclude each other', {
    code: 'USAGE_INVALID',
    hint: 'leave one of them out',
  });
}

function notInFull(entry: Descriptor, missing: readonly Descriptor[]): HutchError {
  const names = missing.map(platformOf).join(', ');
  return new HutchError(`${nameIt(entry)} is not here for all its platforms: ${names} is missing`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'fetch all of it with hutch pull --all-platforms, or push one part with --platform',
  });
}

function nothingFor(entry: Descriptor, wanted: Platform, here: readonly string[]): HutchError {
  return new HutchError(`${nameIt(entry)} is not here for ${platformName(wanted)}`, {
    code: 'IMAGE_UNKNOWN',
    hint: `it is here for ${here.length === 0 ? 'nothing' : here.join(', ')}`,
  });
}
