/** Images made by hand, byte by byte, for registries, layouts and stubs. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';

export interface SampleBlob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

export interface SampleImage {
  /** Digest of the configuration: what hutch prints. */
  readonly id: string;
  readonly manifest: SampleBlob;
  readonly config: SampleBlob;
  readonly layers: readonly SampleBlob[];
}

export interface SamplePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface SampleParts {
  /** Uncompressed archives, lowest first. */
  readonly layers: readonly Buffer[];
  /** How each is compressed; gzip where nothing is said. */
  readonly compression?: readonly ('gzip' | 'zstd' | 'none')[];
  readonly format?: 'oci' | 'docker';
  readonly platform?: SamplePlatform;
  /** The configuration's `config`. */
  readonly defaults?: object;
  /** Instead of the true ones. */
  readonly diffIds?: readonly string[];
}

const TYPES = {
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
    none: 'application/vnd.oci.image.layer.v1.tar',
  },
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
  },
} as const;

export const THIS_PLATFORM: SamplePlatform = {
  os: 'linux',
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
};

const compress = { gzip: (bytes: Buffer) => gzipSync(bytes), zstd: zstdCompressSync, none: (bytes: Buffer) => bytes };

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function makeBlob(mediaType: string, content: Buffer | object): SampleBlob {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

export function descriptorOf({ mediaType, digest, size }: SampleBlob): object {
  return { mediaType, digest, size };
}

export function makeImage(parts: SampleParts): SampleImage {
  const { format = 'oci', platform = THIS_PLATFORM, defaults = {}, compression = [] } = parts;
  const types = TYPES[format];
  const layers = parts.layers.map((tar, at) => {
    const kind = compression[at] ?? 'gzip';
    return makeBlob(types[kind], compress[kind](tar));
  });
  const diffIds = parts.diffIds ?? parts.layers.map(digestOf);
  const config = makeBlob(types.config, {
    created: '2024-01-02T03:04:05Z',
    ...platform,
    config: defaults,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: parts.layers.map((_, at) => ({ created: '2024-01-02T03:04:05Z', created_by: `step ${at}` })),
  });
  const manifest = makeBlob(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
  });
  return { id: config.digest, manifest, config, layers };
}

/** An index that names images for several platforms. */
export function makeIndex(
  images: readonly { readonly platform: SamplePlatform; readonly image: SampleImage }[],
  format: 'oci' | 'docker' = 'oci',
): SampleBlob {
  return makeBlob(TYPES[format].index, {
    schemaVersion: 2,
    mediaType: TYPES[format].index,
    manifests: images.map(({ platform, image }) => ({ ...descriptorOf(image.manifest), platform })),
  });
}

/** Puts an image into a registry that wants no password and speaks plain http, with nothing but HTTP. */
export async function pushByHand(
  registryUrl: string,
  repository: string,
  name: string,
  image: SampleImage,
): Promise<void> {
  const base = `${registryUrl}/v2/${repository}`;
  for (const blob of [image.config, ...image.layers]) {
    const begun = await fetch(`${base}/blobs/uploads/`, { method: 'POST' });
    const place = new URL(begun.headers.get('location') ?? '', base);
    place.searchParams.set('digest', blob.digest);
    await put(place, blob.bytes, 'application/octet-stream');
  }
  await pushManifest(registryUrl, repository, name, image.manifest);
}

/** Puts a manifest or index under a tag or digest; what it names must be there. */
export async function pushManifest(
  registryUrl: string,
  repository: string,
  name: string,
  manifest: SampleBlob,
): Promise<void> {
  await put(`${registryUrl}/v2/${repository}/manifests/${name}`, manifest.bytes, manifest.mediaType);
}

async function put(url: string | URL, bytes: Buffer, type: string): Promise<void> {
  const answer = await fetch(url, { method: 'PUT', body: new Uint8Array(bytes), headers: { 'Content-Type': type } });
  if (!answer.ok) throw new Error(`PUT ${String(url)}: ${answer.status} ${await answer.text()}`);
}

/** Writes an image as an OCI layout, as `skopeo copy oci:DIRECTORY:NAME …` reads it. */
export function writeLayout(directory: string, name: string, image: SampleImage): void {
  const blobs = path.join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  for (const { digest, bytes } of [image.manifest, image.config, ...image.layers])
    writeFileSync(path.join(blobs, digest.slice('sha256:'.length)), bytes);
  const annotations = { 'org.opencontainers.image.ref.name': name };
  writeFileSync(path.join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    path.join(directory, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...descriptorOf(image.manifest), annotations }] }),
  );
}
