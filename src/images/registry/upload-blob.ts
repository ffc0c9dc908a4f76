/** Uploading blobs and manifests: only what the registry does not have; on the host's side. Source: OCI distribution-spec, push. */
import type { Descriptor } from '../../oci/image.ts';
import { blobOf, type Repository } from './client.ts';
import { registryFailed } from './failures.ts';
import { resolveLocation } from './follow.ts';
import { drain } from './http.ts';
import { withRetries } from './retry.ts';
import {
  beginPieces,
  checkStored,
  lostUpload,
  readPart,
  sendPieces,
  smallestPiece,
  takeUp,
  withDigest,
  type PiecesUpload,
  type UploadPlace,
} from './upload-pieces.ts';

export type UploadOutcome = 'existed' | 'mounted' | 'uploaded';

export interface BlobUpload {
  readonly descriptor: Descriptor;
  /** The file that holds the blob. */
  readonly path: string;
  /** A repository of the same registry that has it already. */
  readonly mountFrom?: string | undefined;
  readonly onProgress: (sizeBytes: number) => void;
}

/** A PUT of the whole body that is answered so may be replaced by pieces: a proxy's limit, or a registry that knows nothing else. */
const NOT_IN_ONE: readonly number[] = [400, 405, 411, 413, 415, 416, 501];

/** Repositories that have refused a whole body; the next blob is sent in pieces at once. */
const inPieces = new WeakSet<Repository>();

/**
 * Sees to it that the repository has a blob: in one request, or in pieces where the registry refuses that. An upload in pieces that
 * breaks off goes on where the registry says that it is. REGISTRY_DENIED, REGISTRY_FAILED, CONTENT_MISMATCH.
 */
export function uploadBlob(repository: Repository, upload: BlobUpload): Promise<UploadOutcome> {
  let pieces: PiecesUpload | undefined;
  const attempt = async (): Promise<UploadOutcome> => {
    pieces &&= await takeUp(repository, pieces);
    if (pieces === undefined) {
      const begun = await begin(repository, upload);
      if (typeof begun === 'string') return begun;
      pieces = begun;
    }
    await sendPieces(repository, upload, pieces);
    return 'uploaded';
  };
  return withRetries(repository.transport.limits, repository.signal, attempt, () => pieces?.sentBytes ?? 0);
}

/** How it ended, or where it has to be sent in pieces. */
async function begin(repository: Repository, upload: BlobUpload): Promise<UploadOutcome | PiecesUpload> {
  if (await hasBlob(repository, upload.descriptor)) return 'existed';
  const place = await startUpload(repository, upload);
  if (place === 'mounted') return 'mounted';
  if (inPieces.has(repository)) return beginPieces(place);
  if (await sendBlob(repository, upload, place)) return 'uploaded';
  inPieces.add(repository);
  // What is left of an upload that was refused is of no use.
  const fresh = await startUpload(repository, { ...upload, mountFrom: undefined });
  return fresh === 'mounted' ? 'mounted' : beginPieces(fresh);
}

async function hasBlob(repository: Repository, { digest }: Descriptor): Promise<boolean> {
  const answer = await repository.send({ method: 'HEAD', path: blobOf(digest), accepts: [200, 404] });
  await drain(answer, repository.transport.limits);
  return answer.status === 200;
}

async function startUpload(
  repository: Repository,
  { descriptor, mountFrom }: BlobUpload,
): Promise<UploadPlace | 'mounted'> {
  const query =
    mountFrom === undefined ? '' : `?${new URLSearchParams({ mount: descriptor.digest, from: mountFrom }).toString()}`;
  const answer = await repository.send({
    method: 'POST',
    path: `blobs/uploads/${query}`,
    headers: { 'Content-Length': '0' },
    accepts: [201, 202],
  });
  await drain(answer, repository.transport.limits);
  if (answer.status === 201) return 'mounted';
  const { location } = answer.headers;
  if (location === undefined) throw registryFailed(`${repository.source.domain} does not say where to upload to`);
  return { url: resolveLocation(answer.url, location), smallestBytes: smallestPiece(answer) };
}

/** False when the registry does not take a blob in one piece. */
async function sendBlob(
  repository: Repository,
  { descriptor, path, onProgress }: BlobUpload,
  place: UploadPlace,
): Promise<boolean> {
  const answer = await repository.send({
    method: 'PUT',
    path: withDigest(place.url, descriptor.digest),
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': String(descriptor.size) },
    body: () => readPart(path, { fromBytes: 0, endBytes: descriptor.size }, onProgress),
    accepts: [201, 204, 404, ...NOT_IN_ONE],
  });
  await drain(answer, repository.transport.limits);
  if (answer.status === 404) throw lostUpload(repository);
  if (NOT_IN_ONE.includes(answer.status)) return false;
  checkStored(repository, `blob ${descriptor.digest}`, descriptor.digest, answer.headers['docker-content-digest']);
  return true;
}

/** Puts a manifest under a tag or digest, after all that it refers to. CONTENT_MISMATCH when the registry stored something else. */
export function uploadManifest(
  repository: Repository,
  name: string,
  { descriptor, bytes }: { descriptor: Descriptor; bytes: Buffer },
): Promise<void> {
  return withRetries(repository.transport.limits, repository.signal, async () => {
    const answer = await repository.send({
      method: 'PUT',
      path: `manifests/${name}`,
      headers: { 'Content-Type': descriptor.mediaType, 'Content-Length': String(bytes.length) },
      body: () => bytes,
      accepts: [200, 201, 202],
      hint: 'the registry may not take this format: try --format v2s2, or --format oci',
    });
    await drain(answer, repository.transport.limits);
    checkStored(repository, 'manifest', descriptor.digest, answer.headers['docker-content-digest']);
  });
}
