/** What images an archive holds: an OCI layout (`oci-archive`), or what `docker save` writes (`docker-archive`); on the host's side. */
import { join } from 'node:path';
import type { Compression } from '../../archive/compression.ts';
import { invalidArchive } from '../../archive/failure.ts';
import {
  isIndexType,
  MEDIA_TYPE,
  parseImageConfig,
  parseIndex,
  parseManifest,
  type Descriptor,
  type Digest,
  type ImageConfig,
  type ImageManifest,
} from '../../oci/image.ts';
import { choosePlatform, platformName } from '../../oci/platform.ts';
import { parseReference, type Reference } from '../reference.ts';
import { compressionOf, stageJson, type StagedBlob } from '../store/blob-file.ts';
import { hostPlatform } from '../store/find-image.ts';
import { nameOf } from '../store/index-names.ts';
import { readMemberJson, type Member, type Members } from './split-archive.ts';

export interface ArchivedImage {
  readonly references: readonly Reference[];
  /** What the index will name: a manifest, or an index for several platforms. */
  readonly root: StagedBlob;
  readonly blobs: readonly StagedBlob[];
  /** Of this host's platform. */
  readonly config: ImageConfig;
  readonly id: Digest;
  /** Lowest first. */
  readonly layers: readonly { readonly diffId: Digest; readonly blob: StagedBlob }[];
}

/** The media type of a layer in each form. */
export const LAYER_TYPE: Readonly<Record<Compression, string>> = {
  none: MEDIA_TYPE.layer,
  gzip: MEDIA_TYPE.layerGzip,
  zstd: MEDIA_TYPE.layerZstd,
};

/** All images of an archive. ARCHIVE_INVALID, SPEC_INVALID. @param staging where descriptions that have to be made are put */
export function findArchivedImages(members: Members, staging: string): ArchivedImage[] {
  const index = readMemberJson(members, 'index.json');
  if (index !== undefined && members.has('oci-layout')) return ociImages(members, index);
  const list = readMemberJson(members, 'manifest.json');
  if (Array.isArray(list))
    return list.map((item, at) => dockerImage(members, item, join(staging, `image-${String(at)}`)));
  throw invalidArchive(
    'holds no images: neither index.json nor manifest.json is in it',
    undefined,
    'give what `hutch save`, `docker save` or `podman save` wrote; for a root file system use hutch image import',
  );
}

function ociImages(members: Members, value: unknown): ArchivedImage[] {
  const roots = new Map<Digest, Descriptor[]>();
  for (const entry of parseIndex(value, 'index.json').manifests)
    roots.set(entry.digest, [...(roots.get(entry.digest) ?? []), entry]);
  return [...roots.values()].map((entries) => ociImage(members, entries));
}

/** One image under the names of several index entries. */
function ociImage(members: Members, entries: readonly Descriptor[]): ArchivedImage {
  const [entry] = entries;
  if (entry === undefined) throw new Error('an image has at least one entry');
  const root = blobOf(members, entry);
  const manifests = isIndexType(entry.mediaType)
    ? parseIndex(readBlobJson(members, entry), `index ${entry.digest}`).manifests.filter(({ digest }) =>
        members.has(blobName(digest)),
      )
    : [entry];
  const chosen = isIndexType(entry.mediaType) ? choosePlatform(manifests, hostPlatform()) : entry;
  if (chosen === undefined)
    throw invalidArchive(`has nothing for ${platformName(hostPlatform())} in image ${entry.digest}`);
  const manifest = parseManifest(readBlobJson(members, chosen), `manifest ${chosen.digest}`);
  const config = parseImageConfig(
    readBlobJson(members, manifest.config),
    `image configuration ${manifest.config.digest}`,
  );
  return {
    references: entries
      .map(nameOf)
      .filter((name) => name !== undefined)
      .map(parseReference),
    root,
    blobs: manifests
      .flatMap((each) => blobsOf(members, each))
      .filter(({ descriptor }) => descriptor.digest !== entry.digest),
    config,
    id: manifest.config.digest,
    layers: pairLayers(
      config,
      manifest.layers.map((layer) => blobOf(members, layer)),
      manifest.config.digest,
    ),
  };
}

function blobsOf(members: Members, descriptor: Descriptor): StagedBlob[] {
  const manifest: ImageManifest = parseManifest(readBlobJson(members, descriptor), `manifest ${descriptor.digest}`);
  return [descriptor, manifest.config, ...manifest.layers].map((each) => blobOf(members, each));
}

function blobName(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function blobOf(members: Members, descriptor: Descriptor): StagedBlob {
  return { path: checkedMember(members, descriptor).path, descriptor };
}

function readBlobJson(members: Members, descriptor: Descriptor): unknown {
  checkedMember(members, descriptor);
  return readMemberJson(members, blobName(descriptor.digest));
}

function checkedMember(members: Members, { digest, size }: Descriptor): Member {
  const name = blobName(digest);
  const member = members.get(name);
  if (member === undefined) throw invalidArchive(`has no file ${name}, which an image in it needs`);
  if (member.digest !== digest || member.sizeBytes !== size)
    throw invalidArchive(
      `has the digest ${member.digest} and ${String(member.sizeBytes)} bytes, not what its image says`,
      name,
    );
  return member;
}

function dockerImage(members: Members, item: unknown, stem: string): ArchivedImage {
  const { Config: configName, RepoTags: tags, Layers: layerNames } = (item ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof configName !== 'string' || !isTexts(layerNames) || !(tags === null || tags === undefined || isTexts(tags)))
    throw invalidArchive('needs Config and Layers for each image', 'manifest.json');
  const value = readMemberJson(members, configName);
  const config = parseImageConfig(value, configName);
  const layers = layerNames.map((name) => dockerLayer(members, name));
  const configMember = requiredMember(members, configName);
  const configBlob: StagedBlob = {
    path: configMember.path,
    descriptor: { mediaType: MEDIA_TYPE.config, digest: configMember.digest, size: configMember.sizeBytes },
  };
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: configBlob.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  return {
    references: (tags ?? []).map(parseReference),
    root: stageJson(`${stem}-manifest`, manifest, MEDIA_TYPE.manifest),
    blobs: [configBlob, ...layers],
    config,
    id: configMember.digest,
    layers: pairLayers(config, layers, configMember.digest),
  };
}

function dockerLayer(members: Members, name: string): StagedBlob {
  const { path, digest, sizeBytes } = requiredMember(members, name);
  return { path, descriptor: { mediaType: LAYER_TYPE[compressionOf(path)], digest, size: sizeBytes } };
}

function requiredMember(members: Members, name: string): Member {
  const member = members.get(name.replace(/^\.\//u, ''));
  if (member === undefined) throw invalidArchive(`has no file ${name}, which an image in it needs`);
  return member;
}

function pairLayers(config: ImageConfig, blobs: readonly StagedBlob[], id: string): ArchivedImage['layers'] {
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== blobs.length)
    throw invalidArchive(
      `has an image ${id} of ${String(blobs.length)} layers whose configuration lists ${String(diffIds.length)}`,
    );
  return blobs.map((blob, at) => ({ blob, diffId: diffIds[at] as Digest }));
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
