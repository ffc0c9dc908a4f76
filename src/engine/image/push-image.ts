/** `hutch push`: an image of the store into a registry; in the CLI process. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { fullName, parseReference, repositoryOf, withoutTransport, type Reference } from '../../images/reference.ts';
import type { Repository } from '../../images/registry/client.ts';
import { createLimiter } from '../../images/registry/limiter.ts';
import { PARALLEL_TRANSFERS } from '../../images/registry/limits.ts';
import { readRegistriesConfig } from '../../images/registry/registries-conf.ts';
import { ownSource } from '../../images/registry/sources.ts';
import { uploadBlob, uploadManifest } from '../../images/registry/upload-blob.ts';
import { findEntries, platformEntry, unknownImage } from '../../images/store/find-image.ts';
import { nameOf } from '../../images/store/index-names.ts';
import { readIndex, readManifest } from '../../images/store/layout.ts';
import { makeStaging, removeStaging } from '../../images/store/staging.ts';
import type { Descriptor, Digest } from '../../oci/image.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { refuseHostImage } from './host-image.ts';
import { openImageStore } from './open-image-store.ts';
import { blobsOf, choosePushed, gatherPart, type BlobToPush, type Choice, type PartToPush } from './pushed-parts.ts';
import { parseRewriting, rewritePart, type Rewriting, type RewritingWords } from './rewrite-parts.ts';
import type { TransferEars } from './transfer-events.ts';
import { failedTo, FROM_REGISTRY, visitRegistry, type RegistryAccess } from './visit-registry.ts';

export interface PushOptions extends RegistryAccess, Choice, RewritingWords {
  /** Name or id of the image here. */
  readonly image: string;
  /** The name to push to; the image's own when not given. */
  readonly destination?: string | undefined;
}

export interface PushedImage {
  /** Full name that it has in the registry. */
  readonly name: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/**
 * Pushes an image, of an index all that it names or the part for one platform; see choosePushed(). USAGE_INVALID, REFERENCE_INVALID,
 * IMAGE_UNKNOWN, REGISTRY_DENIED, REGISTRY_FAILED, CONTENT_MISMATCH, CONFIG_INVALID, and as rewritePart().
 */
export async function pushImage(options: PushOptions, ears: TransferEars): Promise<PushedImage> {
  refuseHostImage(options.image, 'pushed');
  const rewriting = parseRewriting(options);
  const store = locateStore();
  const [entry] = findEntries(store, options.image);
  if (entry === undefined) throw unknownImage(options.image);
  const reference = destinationOf(options, entry);
  const warn = (text: string): void => ears.hear({ event: 'transfer_warning', text });
  const chosen = choosePushed(store, entry, options, warn);
  try {
    const part = gatherPart(store, chosen);
    if (rewriting === null) return await send(options, { store, reference, part }, ears);
    return await rewritten(part, rewriting, ears, (changed) =>
      send(options, { store, reference, part: changed }, ears),
    );
  } catch (error) {
    throw isHutchError(error, ...FROM_REGISTRY) ? failedTo(`push ${options.image}`, error) : error;
  }
}

/** Where the image goes: an id is no name to go to. */
function destinationOf({ image, destination }: PushOptions, entry: Descriptor): Reference {
  if (destination !== undefined) return parseReference(withoutTransport(destination));
  const name = nameOf(entry);
  const own = name === undefined ? undefined : parseReference(name);
  const wanted = image.startsWith('sha256:') ? undefined : parseReference(image);
  if (wanted !== undefined && own !== undefined && repositoryOf(own) === repositoryOf(wanted)) return wanted;
  throw new HutchError(`${image} is an id, and no name to push to`, {
    code: 'USAGE_INVALID',
    hint: `say where to: hutch push ${image} REGISTRY/PATH:TAG`,
    context: { image },
  });
}

/** Runs `work` with the part in its other form, which is gone afterwards. */
async function rewritten<T>(
  part: PartToPush,
  wanted: Rewriting,
  { signal, hear }: TransferEars,
  work: (part: PartToPush) => Promise<T>,
): Promise<T> {
  const { store } = await openImageStore();
  const staging = makeStaging(store);
  const onCompress = ({ digest }: Descriptor, form: string): void =>
    hear({ event: 'transfer_note', text: `compressing ${digest} with ${form}` });
  try {
    return await work(await rewritePart({ wanted, staging, signal, onCompress, done: new Map() }, part));
  } finally {
    await removeStaging(store, staging);
  }
}

interface Cargo {
  readonly store: Store;
  readonly reference: Reference;
  readonly part: PartToPush;
}

async function send(
  access: RegistryAccess,
  { store, reference, part }: Cargo,
  ears: TransferEars,
): Promise<PushedImage> {
  const { digest, size } = part.descriptor;
  if (reference.digest !== null && reference.digest !== digest) throw otherDigest(reference, digest);
  const source = ownSource(reference, readRegistriesConfig());
  const blobs = blobsOf(part);
  const mountFrom = source.domain === reference.domain ? neighbour(store, reference, blobs) : undefined;
  const visit = { source, access, signal: ears.signal, actions: 'pull,push', mountFrom } as const;
  await visitRegistry(visit, async (repository, stop) => {
    await pushBlobs({ repository, ears, mountFrom, name: fullName(reference), stop }, blobs);
    for (const below of part.parts) await pushRecords(repository, below.descriptor.digest, below);
    await uploadManifest(repository, reference.tag ?? digest, part);
  });
  return { name: fullName(reference), digest, sizeBytes: size };
}

/** What an index names must be there before the index. */
async function pushRecords(repository: Repository, name: string, part: PartToPush): Promise<void> {
  for (const below of part.parts) await pushRecords(repository, below.descriptor.digest, below);
  await uploadManifest(repository, name, part);
}

interface Push {
  readonly repository: Repository;
  readonly ears: TransferEars;
  readonly mountFrom: string | undefined;
  readonly name: string;
  readonly stop: (reason: unknown) => void;
}

/** All blobs, some at a time; the first that fails ends the others. */
async function pushBlobs(push: Push, blobs: readonly BlobToPush[]): Promise<void> {
  const { ears, name, stop } = push;
  const layers = blobs.map(({ descriptor: { digest, size } }) => ({ digest, sizeBytes: size }));
  ears.hear({ event: 'transfer_layers', direction: 'push', name, layers });
  const limited = createLimiter(PARALLEL_TRANSFERS);
  const all = blobs.map((blob) => limited(() => pushBlob(push, blob)));
  try {
    await Promise.all(all);
  } catch (error) {
    stop(error);
    await Promise.allSettled(all);
    throw error;
  }
}

async function pushBlob({ repository, ears, mountFrom }: Push, { descriptor, path }: BlobToPush): Promise<void> {
  const { digest, size } = descriptor;
  const outcome = await uploadBlob(repository, {
    descriptor,
    path,
    mountFrom,
    onProgress: (doneBytes) => ears.hear({ event: 'transfer_layer', digest, phase: 'uploading', doneBytes }),
  });
  const phase = outcome === 'uploaded' ? 'done' : 'present';
  ears.hear({ event: 'transfer_layer', digest, phase, doneBytes: size });
}

/** Another repository of the same registry that, as far as names here tell, has one of the blobs. */
function neighbour(store: Store, to: Reference, blobs: readonly BlobToPush[]): string | undefined {
  const wanted = new Set(blobs.map(({ descriptor }) => descriptor.digest));
  for (const entry of readIndex(store).manifests) {
    const name = nameOf(entry);
    if (name === undefined) continue;
    const { domain, path } = parseReference(name);
    if (domain !== to.domain || path === to.path) continue;
    if (layersOf(store, entry).some(({ digest }) => wanted.has(digest))) return path;
  }
  return undefined;
}

/** None of an image that is damaged, or for other platforms: it is not the one that is pushed. */
function layersOf(store: Store, entry: Descriptor): readonly Descriptor[] {
  try {
    return readManifest(store, platformEntry(store, entry)).layers;
  } catch (error) {
    if (isHutchError(error, 'RECORD_CORRUPT', 'SPEC_INVALID', 'IMAGE_UNKNOWN')) return [];
    throw error;
  }
}

function otherDigest(reference: Reference, digest: Digest): HutchError {
  return new HutchError(`what is pushed has the digest ${digest}, not ${reference.digest ?? ''}`, {
    code: 'REFERENCE_INVALID',
    hint: 'push to a tag; the digest follows from the content',
  });
}
