/** `hutch pull`: an image from a registry into the store, unpacked; in the CLI process. */
import { join } from 'node:path';
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import type { Repository } from '../../images/registry/client.ts';
import { cleanDownloads } from '../../images/registry/downloads.ts';
import { contentMismatch } from '../../images/registry/failures.ts';
import {
  fetchConfig,
  fetchImage,
  fetchParts,
  type FetchedImage,
  type FetchedRecord,
} from '../../images/registry/manifests.ts';
import { readRegistriesConfig } from '../../images/registry/registries-conf.ts';
import { expandName, sourcesOf, type Source } from '../../images/registry/sources.ts';
import { familiarName, fullName, withoutTransport, type Reference } from '../../images/reference.ts';
import { stageBytes } from '../../images/store/blob-file.ts';
import { commitImage } from '../../images/store/commit-image.ts';
import { hostPlatform } from '../../images/store/find-image.ts';
import { cleanStaging, makeStaging, removeStaging } from '../../images/store/staging.ts';
import {
  isIndexType,
  parseIndex,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Platform,
} from '../../oci/image.ts';
import { choosePlatform, parsePlatform, platformName } from '../../oci/platform.ts';
import { fetchLayers, type FetchedLayers, type WantedLayer } from './fetch-layers.ts';
import { refuseHostImage } from './host-image.ts';
import { countLostOwners, lostOwnersText } from './lost-owners.ts';
import { openImageStore, type OwnedStore } from './open-image-store.ts';
import type { TransferEars } from './transfer-events.ts';
import { squashedIn, squashNote } from './squash-note.ts';
import { storeWhole } from './store-whole.ts';
import { failedTo, firstThatHas, FROM_REGISTRY, visitRegistry, type RegistryAccess } from './visit-registry.ts';

export interface PullOptions extends RegistryAccess {
  /** As the user wrote it; a short name means what registries.conf says, else docker.io. */
  readonly name: string;
  /** `os/architecture[/variant]`; this host's when not given. */
  readonly platform?: string | undefined;
  /** Of an image for several platforms all of it, for a push or an archive; the part for `platform` is unpacked. */
  readonly allPlatforms?: boolean | undefined;
  /** Files of ids without a counterpart go to nobody instead of being an error. */
  readonly squashIds?: boolean | undefined;
  /** What the name stands for here: when the registry has the same, nothing is fetched, and nothing told. */
  readonly known?: Digest | undefined;
}

export interface PulledImage {
  readonly id: Digest;
  /** As people write it. */
  readonly name: string;
  /** Of what the name stands for in the store: an index or a manifest. */
  readonly manifestDigest: Digest;
}

/** Everything that a pull works with, whichever place it asks. */
interface Pull {
  readonly options: PullOptions;
  readonly ears: TransferEars;
  readonly owned: OwnedStore;
  readonly wanted: Platform;
}

/**
 * Pulls an image. REFERENCE_INVALID, USAGE_INVALID, CONFIG_INVALID, IMAGE_UNKNOWN, REGISTRY_DENIED, REGISTRY_FAILED,
 * CONTENT_MISMATCH, SPEC_INVALID, ARCHIVE_INVALID, STORAGE_FULL, STORE_*. Nothing is visible before all digests, sizes and diff ids
 * are checked; whole and partial blobs stay for the next pull.
 */
export async function pullImage(given: PullOptions, ears: TransferEars): Promise<PulledImage> {
  const options = { ...given, name: withoutTransport(given.name) };
  refuseHostImage(options.name, 'pulled');
  refuseId(options.name);
  try {
    return await pullNamed(options, ears);
  } catch (error) {
    throw isHutchError(error, ...FROM_REGISTRY, 'ARCHIVE_INVALID') ? failedTo(`pull ${options.name}`, error) : error;
  }
}

async function pullNamed(options: PullOptions, ears: TransferEars): Promise<PulledImage> {
  const wanted = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  const config = readRegistriesConfig();
  const places = expandName(options.name, config).map((reference) => ({
    reference,
    sources: sourcesOf(reference, config),
  }));
  for (const { reference } of places) refuseHostImage(familiarName(reference), 'pulled');
  const owned = await openImageStore();
  await cleanStaging(owned.store);
  await cleanDownloads(owned.store);
  const pull: Pull = { options, ears, owned, wanted };
  return firstThatHas(places, ({ reference, sources }) => pullFromAny(pull, reference, sources));
}

/** `sha256:…` would otherwise be read as the tag of an image named sha256, at Docker Hub. */
function refuseId(name: string): void {
  if (!/^(?:sha(?:256|512):.*|[0-9a-f]{64})$/u.test(name)) return;
  throw new HutchError(`"${name}" is an id, by which no registry can be asked`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'see `hutch images` for the ids that are here; to fetch an image, give its name, such as debian@sha256:…',
    context: { image: name },
  });
}

/** A mirror that fails is passed over with a warning; the registry itself comes last, and what it says counts. */
async function pullFromAny(pull: Pull, reference: Reference, sources: readonly Source[]): Promise<PulledImage> {
  const [source, ...others] = sources;
  if (source === undefined) throw new TypeError('a reference without a source');
  try {
    return await pullFrom(pull, reference, source);
  } catch (error) {
    if (others.length === 0 || !isHutchError(error, ...FROM_REGISTRY)) throw error;
    pull.ears.hear({ event: 'transfer_warning', text: `mirror ${source.domain} is passed over: ${error.message}` });
    return pullFromAny(pull, reference, others);
  }
}

function pullFrom(pull: Pull, reference: Reference, source: Source): Promise<PulledImage> {
  const { options: access, ears } = pull;
  return visitRegistry({ source, access, signal: ears.signal, actions: 'pull' }, (repository, stop) =>
    pullThrough(pull, reference, repository, stop),
  );
}

async function pullThrough(
  pull: Pull,
  reference: Reference,
  repository: Repository,
  stop: (reason: unknown) => void,
): Promise<PulledImage> {
  const {
    ears,
    owned,
    wanted,
    options: { squashIds, known, allPlatforms = false },
  } = pull;
  // As long as it is there, `gc` knows that somebody puts an image together.
  const staging = makeStaging(owned.store);
  try {
    const image = await fetchImage(repository, reference.digest ?? reference.tag ?? 'latest', wanted);
    const root = rootOf(image);
    const found = { name: familiarName(stored(reference)), manifestDigest: root.descriptor.digest };
    if (found.manifestDigest === known) return { ...found, id: image.manifest.config.digest };
    const { record, config } = await fetchConfig(repository, image.manifest);
    checkPlatform(pull, reference, config);
    const own = layersOf(image, config);
    const others = allPlatforms ? await fetchOthers(repository, image, own) : { records: [], layers: [] };
    const layers = [...own, ...others.layers];
    const sizes = layers.map(({ descriptor: { digest, size } }) => ({ digest, sizeBytes: size }));
    ears.hear({ event: 'transfer_layers', direction: 'pull', name: fullName(reference), layers: sizes });
    await storeWhole(async () => {
      const fetched = await fetchLayers({ owned, repository, squashIds, hear: ears.hear }, layers, stop);
      ears.signal.throwIfAborted();
      await commit(owned, staging, {
        reference,
        root,
        records: [record, image.manifestRecord, ...others.records],
        layers,
        fetched,
        diffIds: config.rootfs.diff_ids,
      });
      tellSquashed(ears, found.name, squashedIn(fetched.layers));
    });
    const lostOwners = countLostOwners(owned.store, config.rootfs.diff_ids);
    if (lostOwners > 0) ears.hear({ event: 'transfer_warning', text: lostOwnersText(found.name, lostOwners) });
    return { ...found, id: record.descriptor.digest };
  } finally {
    await removeStaging(owned.store, staging);
  }
}

function tellSquashed({ hear }: TransferEars, name: string, count: number): void {
  const text = squashNote(name, count);
  if (text !== null) hear({ event: 'transfer_note', text });
}

function checkPlatform({ options, ears, wanted }: Pull, reference: Reference, config: ImageConfig): void {
  if (config.os === wanted.os && config.architecture === wanted.architecture) return;
  const what = `${familiarName(reference)} is for ${platformName(config)}`;
  if (options.platform !== undefined)
    throw new HutchError(`${what}, not for ${platformName(wanted)}`, {
      code: 'IMAGE_UNKNOWN',
      hint: 'leave --platform out, or use an image that was built for that processor',
    });
  ears.hear({
    event: 'transfer_warning',
    text: `${what}, and this host is ${platformName(wanted)}: its programs may not run here`,
  });
}

/** Each blob once, though an image may have a layer twice. CONTENT_MISMATCH when one blob would unpack to two things. */
function layersOf({ manifest }: FetchedImage, { rootfs }: ImageConfig): WantedLayer[] {
  const wanted = new Map<Digest, WantedLayer>();
  for (const [at, descriptor] of manifest.layers.entries()) {
    const diffId = rootfs.diff_ids[at];
    const before = wanted.get(descriptor.digest);
    if (diffId === undefined || (before !== undefined && before.diffId !== diffId))
      throw contentMismatch(`layer ${descriptor.digest}`, 'the configuration has two diff ids for it');
    wanted.set(descriptor.digest, { descriptor, diffId });
  }
  return [...wanted.values()];
}

/** What else the index names, if it is one; of the blobs only those that the image itself has not got. */
async function fetchOthers(
  repository: Repository,
  { named, manifest }: FetchedImage,
  own: readonly WantedLayer[],
): Promise<{ readonly records: readonly FetchedRecord[]; readonly layers: readonly WantedLayer[] }> {
  if (!isIndexType(named.descriptor.mediaType)) return { records: [], layers: [] };
  const { records, blobs } = await fetchParts(repository, named);
  const known = new Set([manifest.config.digest, ...own.map(({ descriptor }) => descriptor.digest)]);
  const others = new Map(blobs.filter(({ digest }) => !known.has(digest)).map((blob) => [blob.digest, blob]));
  return { records, layers: [...others.values()].map((descriptor) => ({ descriptor, diffId: null })) };
}

interface FetchedParts {
  readonly reference: Reference;
  readonly root: FetchedRecord;
  /** Configuration and manifests. */
  readonly records: readonly FetchedRecord[];
  readonly layers: readonly WantedLayer[];
  readonly fetched: FetchedLayers;
  /** As the configuration lists them. */
  readonly diffIds: readonly Digest[];
}

function commit({ store }: OwnedStore, staging: string, parts: FetchedParts): Promise<void> {
  const { reference, root, layers, fetched, diffIds } = parts;
  const [manifest, ...records] = [root, ...parts.records].map(({ bytes, descriptor }, at) =>
    stageBytes(join(staging, `record-${String(at)}`), bytes, plain(descriptor)),
  );
  if (manifest === undefined) throw new TypeError('an image without a manifest');
  return commitImage(store, {
    reference: stored(reference),
    manifest,
    blobs: [...fetched.blobs, ...records],
    layers: fetched.layers,
    needs: {
      blobs: [...records, ...layers].map(({ descriptor }) => descriptor.digest),
      layers: diffIds,
    },
  });
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** The name that the image gets here: what was pulled by digest has no tag. */
function stored(reference: Reference): Reference {
  return reference.digest === null ? reference : { ...reference, tag: null };
}

/**
 * What the name stands for in the store: the index where it leads this host to the same image, so that its digest stays known;
 * else the manifest itself, as whoever asks for another platform wants to run that one.
 */
function rootOf({ named, manifestRecord }: FetchedImage): FetchedRecord {
  if (!isIndexType(named.descriptor.mediaType)) return manifestRecord;
  const index = parseIndex(JSON.parse(named.bytes.toString('utf8')), `index ${named.descriptor.digest}`);
  const here = choosePlatform(
    index.manifests.filter(({ digest }) => digest === manifestRecord.descriptor.digest),
    hostPlatform(),
  );
  return here === undefined ? manifestRecord : named;
}
