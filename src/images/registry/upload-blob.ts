/** Uploading blobs and manifests: only what the registry does not have; on the host's side. Source: OCI distribution-spec, push. */
import { createReadStream } from 'node:fs';
import type { Descriptor, Digest } from '../../oci/image.ts';
import { blobOf, type Repository } from './client.ts';
import { contentMismatch, registryFailed } from './failures.ts';
import { resolveLocation } from './follow.ts';
import { drain } from './http.ts';
import { withRetries } from './retry.ts';

export type UploadOutcome = 'existed' | 'mounted' | 'uploaded';

export interface BlobUpload {
  readonly descriptor: Descriptor;
  /** The file that holds the blob. */
  readonly path: string;
  /** A repository of the same registry that has it already. */
  readonly mountFrom?: string | undefined;
  readonly onProgress: (sizeBytes: number) => void;
}

/** Sees to it that the repository has a blob. REGISTRY_DENIED, REGISTRY_FAILED. */
export function uploadBlob(repository: Repository, upload: BlobUpload): Promise<UploadOutcome> {
  return withRetries(repository.transport.limits, repository.signal, async () => {
    if (await hasBlob(repository, upload.descriptor)) return 'existed';
    const place = await startUpload(repository, upload);
    if (place === 'mounted') return 'mounted';
    await sendBlob(repository, upload, place);
    return 'uploaded';
  });
}

async function hasBlob(repository: Repository, { digest }: Descriptor): Promise<boolean> {
  const answer = await repository.send({ method: 'HEAD', path: blobOf(digest), accepts: [200, 404] });
  await drain(answer, repository.transport.limits);
  return answer.status === 200;
}

async function startUpload(repository: Repository, { descriptor, mountFrom }: BlobUpload): Promise<URL | 'mounted'> {
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
  return resolveLocation(answer.url, location);
}

async function sendBlob(
  repository: Repository,
  { descriptor, path, onProgress }: BlobUpload,
  place: URL,
): Promise<void> {
  const url = new URL(place);
  url.searchParams.set('digest', descriptor.digest);
  const answer = await repository.send({
    method: 'PUT',
    path: url,
    headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': String(descriptor.size) },
    body: () => {
      let sentBytes = 0;
      return createReadStream(path, { highWaterMark: 256 << 10 }).on('data', (chunk) =>
        onProgress((sentBytes += chunk.length)),
      );
    },
    accepts: [201, 204],
  });
  await drain(answer, repository.transport.limits);
  checkStored(repository, `blob ${descriptor.digest}`, descriptor.digest, answer.headers['docker-content-digest']);
}

/** What the registry says that it stored must be what was sent. */
function checkStored({ source }: Repository, what: string, sent: Digest, stored: string | string[] | undefined): void {
  if (stored === undefined || stored === sent) return;
  throw contentMismatch(`the ${what} at ${source.domain}`, `it was stored as ${String(stored)}`);
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
    });
    await drain(answer, repository.transport.limits);
    checkStored(repository, 'manifest', descriptor.digest, answer.headers['docker-content-digest']);
  });
}
