/** `hutch push`: an image of the store into a registry, as it is; in the CLI process. */
import { existsSync } from 'node:fs';
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { fullName, parseReference, type Reference } from '../../images/reference.ts';
import { openRepository, type Repository } from '../../images/registry/client.ts';
import { findCredentials } from '../../images/registry/credentials.ts';
import { createLimiter } from '../../images/registry/limiter.ts';
import { PARALLEL_TRANSFERS } from '../../images/registry/limits.ts';
import { openTransport } from '../../images/registry/open-transport.ts';
import { readRegistriesConfig } from '../../images/registry/registries-conf.ts';
import { withRetries } from '../../images/registry/retry.ts';
import { ownSource } from '../../images/registry/sources.ts';
import { uploadBlob, uploadManifest } from '../../images/registry/upload-blob.ts';
import { findEntries, platformEntry, unknownImage } from '../../images/store/find-image.ts';
import { nameOf } from '../../images/store/index-names.ts';
import { blobPath, readIndex, readManifest, readRecordBytes } from '../../images/store/layout.ts';
import type { Descriptor, Digest } from '../../oci/image.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { refuseHostImage } from './host-image.ts';
import type { TransferEars } from './transfer-events.ts';

export interface PushOptions {
  /** Name or id of the image here. */
  readonly image: string;
  /** The name to push to; the image's own when not given. */
  readonly destination?: string | undefined;
  /** False allows plain http and any certificate. */
  readonly tlsVerify?: boolean | undefined;
  readonly authFile?: string | undefined;
  readonly certDirectory?: string | undefined;
}

export interface PushedImage {
  /** Full name that it has in the registry. */
  readonly name: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** Pushes the image for this host's platform. REFERENCE_INVALID, IMAGE_UNKNOWN, REGISTRY_DENIED, REGISTRY_FAILED, CONTENT_MISMATCH, CONFIG_INVALID. */
export async function pushImage(options: PushOptions, ears: TransferEars): Promise<PushedImage> {
  refuseHostImage(options.image, 'pushed');
  const reference = parseReference(options.destination ?? options.image);
  const store = locateStore();
  const [entry] = findEntries(store, options.image);
  if (entry === undefined) throw unknownImage(options.image);
  const { mediaType, digest, size } = platformEntry(store, entry);
  const descriptor: Descriptor = { mediaType, digest, size };
  const manifest = readManifest(store, descriptor);
  const blobs = [...new Map([...manifest.layers, manifest.config].map((blob) => [blob.digest, blob])).values()];
  for (const blob of blobs) if (!existsSync(blobPath(store, blob.digest))) throw incomplete(options.image, blob);
  const own = ownSource(reference, readRegistriesConfig());
  const source = { ...own, insecure: own.insecure || options.tlsVerify === false };
  const transport = openTransport(source, options);
  const stop = new AbortController();
  const signal = AbortSignal.any([ears.signal, stop.signal]);
  try {
    const credentials = await findCredentials(source.domain, source.path, options.authFile);
    const mountFrom = source.domain === reference.domain ? neighbour(store, reference, blobs) : undefined;
    const open = (): Promise<Repository> =>
      openRepository({ source, transport, credentials, signal, actions: 'pull,push', mountFrom });
    const repository = await withRetries(transport.limits, signal, open);
    await pushBlobs({ store, repository, ears, mountFrom, name: fullName(reference), stop }, blobs);
    const bytes = readRecordBytes(store, descriptor);
    await uploadManifest(repository, reference.tag ?? digest, { descriptor, bytes });
  } catch (error) {
    ears.signal.throwIfAborted();
    throw error;
  } finally {
    transport.close();
  }
  return { name: fullName(reference), digest, sizeBytes: size };
}

interface Push {
  readonly store: Store;
  readonly repository: Repository;
  readonly ears: TransferEars;
  readonly mountFrom: string | undefined;
  readonly name: string;
  readonly stop: AbortController;
}

/** All blobs, some at a time; the first that fails ends the others. */
async function pushBlobs(push: Push, blobs: readonly Descriptor[]): Promise<void> {
  const { ears, name, stop } = push;
  const layers = blobs.map(({ digest, size }) => ({ digest, sizeBytes: size }));
  ears.hear({ event: 'transfer_layers', direction: 'push', name, layers });
  const limited = createLimiter(PARALLEL_TRANSFERS);
  const all = blobs.map((blob) => limited(() => pushBlob(push, blob)));
  try {
    await Promise.all(all);
  } catch (error) {
    stop.abort(error);
    await Promise.allSettled(all);
    throw error;
  }
}

async function pushBlob({ store, repository, ears, mountFrom }: Push, { mediaType, digest, size }: Descriptor) {
  const outcome = await uploadBlob(repository, {
    descriptor: { mediaType, digest, size },
    path: blobPath(store, digest),
    mountFrom,
    onProgress: (doneBytes) => ears.hear({ event: 'transfer_layer', digest, phase: 'uploading', doneBytes }),
  });
  const phase = outcome === 'uploaded' ? 'done' : 'present';
  ears.hear({ event: 'transfer_layer', digest, phase, doneBytes: size });
}

/** Another repository of the same registry that, as far as names here tell, has one of the blobs. */
function neighbour(store: Store, to: Reference, blobs: readonly Descriptor[]): string | undefined {
  const wanted = new Set(blobs.map(({ digest }) => digest));
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

function incomplete(image: string, { digest }: Descriptor): HutchError {
  return new HutchError(`image ${image} cannot be pushed: its blob ${digest} is not here`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'pull or import the image again',
    context: { image, digest },
  });
}
