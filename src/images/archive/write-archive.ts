/** Images as an archive: an OCI layout or what docker reads, as a stream of bytes; on the host's side. */
import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
import { CHUNK_BYTES, decompress, recognise } from '../../archive/compression.ts';
import { TAR_END, tarHeader, tarPadding } from '../../archive/tar/writer.ts';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { MEDIA_TYPE, type Descriptor, type Digest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { archiveSize } from '../layer/layers.ts';
import type { ResolvedImage } from '../store/find-image.ts';
import { withName } from '../store/index-names.ts';
import { blobPath } from '../store/layout.ts';
import { markReachable } from '../store/reachable.ts';

export const ARCHIVE_FORMATS = ['docker-archive', 'oci-archive'] as const;
export type ArchiveFormat = (typeof ARCHIVE_FORMATS)[number];

/** An image and the names under which it is saved. */
export interface SavedImage {
  readonly image: ResolvedImage;
  /** What the index names. */
  readonly root: Descriptor;
  /** In full (`docker.io/library/busybox:latest`) and as docker shows them. */
  readonly names: readonly { readonly full: string; readonly familiar: string }[];
}

interface ArchiveFile {
  readonly name: string;
  readonly sizeBytes: number;
  readonly content: AsyncIterable<Buffer>;
}

const FETCH_AGAIN = 'remove the image (hutch rmi) and fetch it again';

/** All members have this time: an archive of the same images is the same archive. */
const TIME = { seconds: 0, nanoseconds: 0 };

/** The bytes of an archive of `images`. RECORD_CORRUPT when a blob is not what the store says. */
export async function* writeArchive(
  store: Store,
  images: readonly SavedImage[],
  format: ArchiveFormat,
): AsyncGenerator<Buffer> {
  const files = format === 'oci-archive' ? ociFiles(store, images) : dockerFiles(store, images);
  for await (const { name, sizeBytes, content } of files) {
    yield memberHeader(name, sizeBytes);
    let written = 0;
    for await (const chunk of content) {
      written += chunk.length;
      if (written <= sizeBytes) yield chunk;
    }
    if (written !== sizeBytes) throw damaged(name, sizeBytes, written);
    yield tarPadding(sizeBytes);
  }
  yield TAR_END;
}

function memberHeader(name: string, sizeBytes: number): Buffer {
  const kind = name.endsWith('/')
    ? ({ type: 'directory', mode: 0o755 } as const)
    : ({ type: 'file', mode: 0o644 } as const);
  return tarHeader({ ...kind, name, linkName: '', uid: 0, gid: 0, mtime: TIME, sizeBytes, attributes: [] });
}

function damaged(name: string, wanted: number, found: number): HutchError {
  return new HutchError(`${name} is ${String(found)} bytes long, not ${String(wanted)}`, {
    code: 'RECORD_CORRUPT',
    hint: FETCH_AGAIN,
    context: { name },
  });
}

function* ociFiles(store: Store, images: readonly SavedImage[]): Generator<ArchiveFile> {
  yield jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' });
  const manifests = images.flatMap(({ root, names }) =>
    names.length === 0 ? [withName(root, undefined)] : names.map(({ full }) => withName(root, full)),
  );
  yield jsonFile('index.json', { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests });
  const { blobs, damage } = markReachable(
    store,
    images.map(({ root }) => root),
  );
  if (damage[0] !== undefined) throw new HutchError(damage[0], { code: 'RECORD_CORRUPT', hint: FETCH_AGAIN });
  // skopeo, when an ordinary user runs it, cannot make directories that have no entries of their own.
  const algorithms = new Set([...blobs.keys()].map((digest) => digest.slice(0, digest.indexOf(':'))));
  for (const name of ['blobs/', ...[...algorithms].map((algorithm) => `blobs/${algorithm}/`)])
    yield { name, sizeBytes: 0, content: once(Buffer.alloc(0)) };
  for (const [digest, sizeBytes] of blobs) {
    const path = blobPath(store, digest);
    yield { name: `blobs/${digest.replace(':', '/')}`, sizeBytes, content: readBlob(path) };
  }
}

/** Layers are written uncompressed and called by their diff ids, as docker and podman do. */
async function* dockerFiles(store: Store, images: readonly SavedImage[]): AsyncGenerator<ArchiveFile> {
  const done = new Set<string>();
  const list = images.map(({ image, names }) => ({
    Config: `${hexOf(image.id)}.json`,
    RepoTags: names.length === 0 ? null : names.map(({ familiar }) => familiar),
    Layers: image.layers.map(({ diffId }) => `${hexOf(diffId)}.tar`),
  }));
  yield jsonFile('manifest.json', list);
  for (const { image } of images) {
    const { config, layers } = image.manifest;
    const name = `${hexOf(image.id)}.json`;
    if (!done.has(name)) yield { name, sizeBytes: config.size, content: readBlob(blobPath(store, config.digest)) };
    done.add(name);
    for (const [at, { diffId }] of image.layers.entries()) {
      const layer = layers[at];
      const layerName = `${hexOf(diffId)}.tar`;
      if (layer === undefined || done.has(layerName)) continue;
      done.add(layerName);
      yield await plainLayer(store, layerName, layer.digest, archiveSize(store, diffId));
    }
  }
}

/** A header states the size before the content, so a layer of unknown size is read twice. */
async function plainLayer(store: Store, name: string, digest: Digest, known: number | undefined): Promise<ArchiveFile> {
  const open = (): AsyncIterable<Buffer> => plainBytes(blobPath(store, digest));
  let sizeBytes = known ?? 0;
  if (known === undefined) for await (const chunk of open()) sizeBytes += chunk.length;
  return { name, sizeBytes, content: open() };
}

/** The content of a layer without its compression. */
async function* plainBytes(path: string): AsyncGenerator<Buffer> {
  const iterator = readBlob(path)[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return;
  const compression = recognise(first.value);
  const all = startingWith(first.value, iterator);
  if (compression === 'none') {
    yield* all;
    return;
  }
  const plain = new PassThrough({ highWaterMark: 4 * CHUNK_BYTES });
  decompress(compression, all, plain).catch((error: unknown) =>
    plain.destroy(error instanceof Error ? error : undefined),
  );
  yield* plain as AsyncIterable<Buffer>;
}

async function* startingWith(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  for (let next: IteratorResult<Buffer, unknown> = { value: first }; next.done !== true; next = await rest.next())
    yield next.value;
}

async function* readBlob(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: CHUNK_BYTES }) as AsyncIterable<Buffer>;
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new HutchError(`blob ${path} is missing`, { code: 'RECORD_CORRUPT', hint: FETCH_AGAIN, cause });
  }
}

function jsonFile(name: string, value: unknown): ArchiveFile {
  const bytes = Buffer.from(JSON.stringify(value));
  return { name, sizeBytes: bytes.length, content: once(bytes) };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes);
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}
