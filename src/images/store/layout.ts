/** The OCI image layout that holds all images of a user: its places, its index, its blobs; on the host's side. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import {
  MEDIA_TYPE,
  parseImageConfig,
  parseIndex,
  parseManifest,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
} from '../../oci/image.ts';
import { readError, readJsonFile, writeError, writeJsonFile } from '../../state/json-file.ts';
import { withLock } from '../../state/lock.ts';
import type { Store } from '../../state/store.ts';

/** Source: OCI image-spec, image-layout.md. */
const LAYOUT = { imageLayoutVersion: '1.0.0' };
const EMPTY_INDEX: ImageIndex = { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] };
/** Manifests and configurations larger than this are not read: nothing honest is. */
const LARGEST_RECORD = 8 << 20;

/** Where a blob lies, whether it is there or not. */
export function blobPath(store: Store, digest: Digest): string {
  return join(store.images, 'blobs', digest.replace(':', '/'));
}

/** The index of the layout; an empty one where nothing was ever stored. Takes no lock. RECORD_CORRUPT, SPEC_INVALID. */
export function readIndex(store: Store): ImageIndex {
  const path = indexPath(store);
  const value = readJsonFile(path);
  return value === undefined ? EMPTY_INDEX : parseIndex(value, path);
}

/** Replaces the index. Only inside withIndexLock. */
export function writeIndex(store: Store, manifests: readonly Descriptor[]): void {
  writeJsonFile(indexPath(store), { ...EMPTY_INDEX, manifests });
}

/** Runs `work` as the only writer of this store's images; makes the layout where it is missing. */
export async function withIndexLock<T>(store: Store, purpose: string, work: () => Promise<T>): Promise<T> {
  try {
    mkdirSync(join(store.images, 'blobs', 'sha256'), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw writeError(store.images, error);
  }
  if (!existsSync(join(store.images, 'oci-layout'))) writeJsonFile(join(store.images, 'oci-layout'), LAYOUT);
  return withLock(indexPath(store), purpose, async () => {
    if (!existsSync(indexPath(store))) writeIndex(store, []);
    return work();
  });
}

function indexPath(store: Store): string {
  return join(store.images, 'index.json');
}

/**
 * How far a record is checked when it is read: `digest` computes it again; `size` trusts the store, which checked the digest
 * when the record came in. Loading node:crypto alone takes longer than all else that `run` does before init starts.
 */
export type RecordCheck = 'digest' | 'size';

/** The manifest that `descriptor` points at. RECORD_CORRUPT, SPEC_INVALID. */
export function readManifest(store: Store, descriptor: Descriptor, check: RecordCheck = 'digest'): ImageManifest {
  return parseManifest(readBlobJson(store, descriptor, check), `manifest ${descriptor.digest}`);
}

/** A nested index (an image for several platforms), its digest checked. RECORD_CORRUPT, SPEC_INVALID. */
export function readNestedIndex(store: Store, descriptor: Descriptor): ImageIndex {
  return parseIndex(readBlobJson(store, descriptor, 'digest'), `index ${descriptor.digest}`);
}

/** The configuration that `descriptor` points at. RECORD_CORRUPT, SPEC_INVALID. */
export function readConfig(store: Store, descriptor: Descriptor, check: RecordCheck = 'digest'): ImageConfig {
  return parseImageConfig(readBlobJson(store, descriptor, check), `image configuration ${descriptor.digest}`);
}

/** The bytes of a manifest or configuration, which alone have its digest. RECORD_CORRUPT. */
export function readRecordBytes(store: Store, { digest, size }: Descriptor, check: RecordCheck = 'digest'): Buffer {
  const path = blobPath(store, digest);
  if (size > LARGEST_RECORD) throw corrupt(path, `it would be ${String(size)} bytes long`);
  const bytes = readBlob(path);
  if (bytes.length !== size) throw corrupt(path, `it is ${String(bytes.length)} bytes long, not ${String(size)}`);
  if (check === 'digest' && digestOf(bytes, digest) !== digest)
    throw corrupt(path, 'its content does not have its digest');
  return bytes;
}

function readBlobJson(store: Store, descriptor: Descriptor, check: RecordCheck): unknown {
  const bytes = readRecordBytes(store, descriptor, check);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (cause) {
    throw corrupt(blobPath(store, descriptor.digest), 'it is not JSON', cause);
  }
}

function readBlob(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw readError(path, cause);
    throw corrupt(path, 'it is missing', cause);
  }
}

function digestOf(bytes: Buffer, like: Digest): string {
  const algorithm = like.slice(0, like.indexOf(':'));
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

function corrupt(path: string, reason: string, cause?: unknown): HutchError {
  return new HutchError(`blob ${path} is damaged: ${reason}`, {
    code: 'RECORD_CORRUPT',
    hint: 'remove the image (hutch rmi), then pull or import it again',
    cause,
    context: { path },
  });
}
