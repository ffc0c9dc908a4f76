/** Uploading a blob in pieces, and going on after a break; on the host's side. Source: OCI distribution-spec, pushing a blob in chunks. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Descriptor, Digest } from '../../oci/image.ts';
import type { Repository } from './client.ts';
import { contentMismatch, registryFailed } from './failures.ts';
import { resolveLocation } from './follow.ts';
import { drain, type HttpAnswer } from './http.ts';

/** Below what proxies commonly let through. */
const PIECE_BYTES = 8 << 20;
/** A registry that wants larger ones than this asks for too much. */
const LARGEST_PIECE_BYTES = 1 << 30;

/** Where the registry wants an upload. */
export interface UploadPlace {
  readonly url: URL;
  /** Of all pieces but the last. */
  readonly smallestBytes: number;
}

/** An upload in pieces, as far as it is. */
export interface PiecesUpload extends UploadPlace {
  sentBytes: number;
  url: URL;
}

interface Upload {
  readonly descriptor: Descriptor;
  readonly path: string;
  readonly onProgress: (sizeBytes: number) => void;
}

interface Part {
  readonly fromBytes: number;
  readonly endBytes: number;
}

export function beginPieces(place: UploadPlace): PiecesUpload {
  return { ...place, sentBytes: 0 };
}

/** What OCI-Chunk-Min-Length asks for, in bytes. */
export function smallestPiece({ headers }: HttpAnswer): number {
  const wanted = Number(headers['oci-chunk-min-length'] ?? 0);
  return Number.isSafeInteger(wanted) && wanted > 0 ? Math.min(wanted, LARGEST_PIECE_BYTES) : 0;
}

/** Sends what is missing, then closes the upload; `pieces` tells at each moment how far it is. REGISTRY_DENIED, REGISTRY_FAILED, CONTENT_MISMATCH. */
export async function sendPieces(repository: Repository, upload: Upload, pieces: PiecesUpload): Promise<void> {
  const { digest, size } = upload.descriptor;
  while (pieces.sentBytes < size) await sendPiece(repository, upload, pieces);
  const answer = await repository.send({
    method: 'PUT',
    path: withDigest(pieces.url, digest),
    headers: { 'Content-Length': '0' },
    accepts: [201, 204, 404, 416],
    hint: 'if the registry finds another digest, the image here is damaged: see hutch gc, or fetch it again',
  });
  await drain(answer, repository.transport.limits);
  if (answer.status >= 400) throw lostUpload(repository);
  checkStored(repository, `blob ${digest}`, digest, answer.headers['docker-content-digest']);
}

async function sendPiece(
  repository: Repository,
  { descriptor, path, onProgress }: Upload,
  pieces: PiecesUpload,
): Promise<void> {
  const fromBytes = pieces.sentBytes;
  const endBytes = Math.min(fromBytes + Math.max(PIECE_BYTES, pieces.smallestBytes), descriptor.size);
  const answer = await repository.send({
    method: 'PATCH',
    path: pieces.url,
    headers: {
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(endBytes - fromBytes),
      'Content-Range': `${String(fromBytes)}-${String(endBytes - 1)}`,
    },
    body: () => readPart(path, { fromBytes, endBytes }, onProgress),
    accepts: [202, 204, 404, 416],
  });
  await drain(answer, repository.transport.limits);
  // Forgotten, or elsewhere than we are: the next attempt asks how far it is.
  if (answer.status === 404 || answer.status === 416) throw lostUpload(repository);
  moveOn(answer, pieces);
  pieces.sentBytes = takenBytes(answer) ?? endBytes;
  if (pieces.sentBytes <= fromBytes || pieces.sentBytes > endBytes)
    throw registryFailed(`${repository.source.domain} takes no piece of an upload`);
}

/** Asks how far an upload is that broke off; undefined when the registry knows nothing of it any more. */
export async function takeUp(repository: Repository, pieces: PiecesUpload): Promise<PiecesUpload | undefined> {
  const answer = await repository.send({ method: 'GET', path: pieces.url, accepts: [200, 202, 204, 400, 404, 405] });
  await drain(answer, repository.transport.limits);
  const taken = takenBytes(answer);
  if (answer.status >= 400 || taken === undefined) return undefined;
  moveOn(answer, pieces);
  // docker-registry says 0-0 of an upload that is empty.
  return { ...pieces, sentBytes: taken === 1 ? 0 : taken };
}

function moveOn({ url, headers: { location } }: HttpAnswer, pieces: PiecesUpload): void {
  if (location !== undefined) pieces.url = resolveLocation(url, location);
}

/** The bytes that the registry has, by its Range header. */
function takenBytes({ headers }: HttpAnswer): number | undefined {
  const last = /^(?:bytes[= ])?0-(\d+)$/u.exec(headers.range ?? '')?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}

/** The registry knows nothing of an upload that it has begun: another attempt may mend that. */
export function lostUpload({ source }: Repository): Error {
  return registryFailed(`${source.domain} has lost an upload`, { isTransient: true });
}

/** The address that closes an upload: its own with the digest added. */
export function withDigest(place: URL, digest: Digest): URL {
  const url = new URL(place);
  url.searchParams.set('digest', digest);
  return url;
}

/** A part of a file; `onProgress` hears how far in the whole it is, in bytes. */
export function readPart(
  path: string,
  { fromBytes, endBytes }: Part,
  onProgress: (sizeBytes: number) => void,
): Readable | Buffer {
  if (endBytes === fromBytes) return Buffer.alloc(0);
  let sentBytes = fromBytes;
  const content = createReadStream(path, { start: fromBytes, end: endBytes - 1, highWaterMark: 256 << 10 });
  return content.on('data', (chunk) => onProgress((sentBytes += chunk.length)));
}

/** What the registry says that it stored must be what was sent. */
export function checkStored(
  { source }: Repository,
  what: string,
  sent: Digest,
  stored: string | string[] | undefined,
): void {
  if (stored === undefined || stored === sent) return;
  throw contentMismatch(`the ${what} at ${source.domain}`, `it was stored as ${String(stored)}`);
}
