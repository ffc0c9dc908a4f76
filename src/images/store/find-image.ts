/** Finding images by what a user calls them; on the host's side. Takes no lock. */
import { existsSync } from 'node:fs';
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import {
  isIndexType,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageManifest,
  type Platform,
} from '../../oci/image.ts';
import { choosePlatform, platformName } from '../../oci/platform.ts';
import type { Store } from '../../state/store.ts';
import { layerTree } from '../layer/layers.ts';
import { familiarName, fullName, parseReference, repositoryOf, type Reference } from '../reference.ts';
import { nameOf } from './index-names.ts';
import { blobPath, readConfig, readIndex, readManifest, readNestedIndex, type RecordCheck } from './layout.ts';

export interface ResolvedImage {
  /** As people write it, or null for an image without a name. */
  readonly reference: string | null;
  /** Digest of the configuration: what docker calls the image id. */
  readonly id: Digest;
  /** Digest of what the index names: a manifest, or an index for several platforms. */
  readonly manifestDigest: Digest;
  readonly manifest: ImageManifest;
  readonly config: ImageConfig;
  /** Lowest first. A tree is there once the layer was unpacked. */
  readonly layers: readonly { readonly diffId: Digest; readonly tree: string }[];
}

/** The shortest beginning of an id that is taken for one. */
const SHORTEST_ID = 4;

/**
 * The image of that name, digest, id or unambiguous beginning of an id, for this host's platform. `entries`: what findEntries() has just found.
 * IMAGE_UNKNOWN, REFERENCE_INVALID, RECORD_CORRUPT, SPEC_INVALID.
 */
export function resolveImage(
  store: Store,
  name: string,
  check: RecordCheck = 'digest',
  entries: readonly Descriptor[] = findEntries(store, name),
): ResolvedImage {
  const [entry] = entries;
  if (entry === undefined) throw unknownImage(name);
  try {
    return readImage(store, entry, check);
  } catch (error) {
    // What is damaged may as well have been removed, or its name moved, since the index was read.
    const [now] = isHutchError(error, 'RECORD_CORRUPT') ? findEntries(store, name) : [entry];
    if (now?.digest === entry.digest) throw error;
    return resolveImage(store, name, check);
  }
}

function readImage(store: Store, entry: Descriptor, check: RecordCheck): ResolvedImage {
  const manifest = readPlatformManifest(store, entry, check);
  const config = readConfig(store, manifest.config, check);
  return {
    reference: shownName(entry),
    id: manifest.config.digest,
    manifestDigest: entry.digest,
    manifest,
    config,
    layers: config.rootfs.diff_ids.map((diffId) => ({ diffId, tree: layerTree(store, diffId) })),
  };
}

/**
 * The index entries that `name` means: one for a name, all names of one image for an id. Empty when there is none.
 * IMAGE_UNKNOWN when an id's beginning fits several images.
 */
export function findEntries(store: Store, name: string): Descriptor[] {
  const { manifests } = readIndex(store);
  // A name of hexadecimal digits may be either; as with docker the name comes first.
  const byName = name.startsWith('sha256:') ? [] : findByReference(manifests, parseReference(name));
  return byName.length > 0 ? byName : findById(store, manifests, name);
}

function findByReference(manifests: readonly Descriptor[], reference: Reference): Descriptor[] {
  if (reference.digest === null) return manifests.filter((entry) => nameOf(entry) === fullName(reference)).slice(0, 1);
  const beginnings = [':', '@'].map((next) => `${repositoryOf(reference)}${next}`);
  return manifests
    .filter((entry) => entry.digest === reference.digest)
    .filter((entry) => beginnings.some((beginning) => nameOf(entry)?.startsWith(beginning)))
    .slice(0, 1);
}

function findById(store: Store, manifests: readonly Descriptor[], text: string): Descriptor[] {
  const hex = text.replace(/^sha256:/u, '');
  if (!/^[0-9a-f]+$/u.test(hex) || hex.length < SHORTEST_ID) return [];
  const found = manifests.filter((entry) => imageIdOf(store, entry)?.startsWith(`sha256:${hex}`) === true);
  const ids = new Set(found.map((entry) => imageIdOf(store, entry)));
  if (ids.size <= 1) return found;
  throw new HutchError(`"${text}" is the beginning of several image ids: ${[...ids].join(', ')}`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'give more digits',
    context: { image: text },
  });
}

/** The id of the image behind an index entry, or undefined when its manifest is damaged. */
export function imageIdOf(store: Store, entry: Descriptor): Digest | undefined {
  try {
    return readPlatformManifest(store, entry).config.digest;
  } catch (error) {
    if (isHutchError(error, 'RECORD_CORRUPT', 'SPEC_INVALID', 'IMAGE_UNKNOWN')) return undefined;
    throw error;
  }
}

/** The manifest of an index entry; of a nested index, the one for this host. IMAGE_UNKNOWN when there is none for it. */
export function readPlatformManifest(store: Store, entry: Descriptor, check: RecordCheck = 'digest'): ImageManifest {
  return readManifest(store, platformEntry(store, entry), check);
}

/** The descriptor of the manifest behind an index entry: the entry itself, or of a nested index the best one for this host that is here. */
export function platformEntry(store: Store, entry: Descriptor): Descriptor {
  if (!isIndexType(entry.mediaType)) return entry;
  const here = readNestedIndex(store, entry).manifests.filter(({ digest }) => existsSync(blobPath(store, digest)));
  const host = hostPlatform();
  const match = choosePlatform(here, host);
  if (match !== undefined) return match;
  throw new HutchError(`image ${shownName(entry) ?? entry.digest} has nothing for ${platformName(host)}`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'use an image that was built for this processor',
  });
}

/** The diff id of a layer whose archive, as it was given, has this digest: from any image of this host's platform that has it. */
export function findDiffId(store: Store, digest: Digest): Digest | undefined {
  for (const entry of readIndex(store).manifests) {
    try {
      const manifest = readPlatformManifest(store, entry);
      const at = manifest.layers.findIndex((layer) => layer.digest === digest);
      if (at !== -1) return readConfig(store, manifest.config).rootfs.diff_ids[at];
    } catch (error) {
      if (!isHutchError(error, 'RECORD_CORRUPT', 'SPEC_INVALID', 'IMAGE_UNKNOWN')) throw error;
    }
  }
  return undefined;
}

/** The platform of this host in the words of the OCI formats (Go's). */
export function hostPlatform(): Platform {
  const architectures: Readonly<Partial<Record<NodeJS.Architecture, string>>> = {
    x64: 'amd64',
    ia32: '386',
    arm64: 'arm64',
  };
  return { architecture: architectures[process.arch] ?? process.arch, os: 'linux' };
}

/** The name of an index entry as people write it, or null. */
export function shownName(entry: Descriptor): string | null {
  const name = nameOf(entry);
  return name === undefined ? null : familiarName(parseReference(name));
}

export function unknownImage(name: string): HutchError {
  return new HutchError(`there is no image "${name}"`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'see `hutch images`; fetch one with `hutch pull NAME`, or use the built-in image `host`',
    context: { image: name },
  });
}
