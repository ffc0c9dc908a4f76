/** `hutch image import`: a root file system tarball becomes an image of one layer; in the CLI process. */
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LAYER_TYPE } from '../../images/archive/archived-images.ts';
import { readLayerRecord, treeIn, writeLayer } from '../../images/layer/layers.ts';
import { makeLayerDirectory } from '../../images/layer/obtain-layer.ts';
import { unpackLayer } from '../../images/layer/unpack-layer.ts';
import type { UnpackedLayer, UnpackLimits } from '../../images/layer/unpack-protocol.ts';
import { familiarName, type Reference } from '../../images/reference.ts';
import {
  compressionOf,
  digestFile,
  stageCopy,
  stageJson,
  stageStream,
  syncPath,
  type StagedBlob,
} from '../../images/store/blob-file.ts';
import { commitImage } from '../../images/store/commit-image.ts';
import { withDownload } from '../../images/registry/downloads.ts';
import { findDiffId, hostPlatform } from '../../images/store/find-image.ts';
import { cleanStaging, makeStaging, removeStaging } from '../../images/store/staging.ts';
import {
  MEDIA_TYPE,
  type Digest,
  type ImageConfig,
  type ImageDefaults,
  type ImageManifest,
  type Platform,
} from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { openArchive, type ArchiveInput } from './archive-input.ts';
import { creationTime } from './creation-time.ts';
import { defaultsFromChanges } from './image-changes.ts';
import { openImageStore, type OwnedStore } from './open-image-store.ts';
import { storeWhole } from './store-whole.ts';
import { parseTarget } from './target-name.ts';

export interface ImportOptions {
  /** Path of a tar archive (plain, gzip or zstd), or `-` for stdin. */
  readonly file: string;
  /** `name[:tag]`; the image has no name without it. */
  readonly name?: string | undefined;
  /** Dockerfile instructions for the image's defaults. */
  readonly changes?: readonly string[] | undefined;
  readonly message?: string | undefined;
  /** What is other than this host's, in Go's words. */
  readonly platform?: Partial<Platform> | undefined;
  /** Files of ids without a counterpart go to nobody instead of being an error. */
  readonly squashIds?: boolean | undefined;
  readonly limits?: Partial<UnpackLimits> | undefined;
  /** Told how much of the archive was applied; `totalBytes` is its size. */
  readonly onProgress?: ((sizeBytes: number, totalBytes: number) => void) | undefined;
}

export interface ImportedImage {
  readonly id: Digest;
  readonly name: string | null;
  readonly manifestDigest: Digest;
  readonly layer: UnpackedLayer;
}

/**
 * Imports an archive. USAGE_INVALID, REFERENCE_INVALID, ARCHIVE_INVALID, ID_UNMAPPED, STORAGE_FULL, STORE_*, USERNS_FAILED;
 * after any of them nothing of the image stays. The archive is kept as it was given, its layer is unpacked at once.
 * The image's creation time is now, or SOURCE_DATE_EPOCH (reproducible-builds.org).
 */
export async function importImage(options: ImportOptions): Promise<ImportedImage> {
  const reference = options.name === undefined ? null : parseTarget(options.name, 'imported');
  const defaults = defaultsFromChanges(options.changes ?? []);
  const created = creationTime();
  const input = openArchive(
    options.file,
    'give the path of a .tar, .tar.gz or .tar.zst file, or - and the archive on stdin',
  );
  const owned = await openImageStore();
  await cleanStaging(owned.store);
  const staging = makeStaging(owned.store);
  try {
    const archive = join(staging, 'archive');
    await stage(input, archive);
    const digest = digestFile(archive);
    const attempt = async (): Promise<ImportedImage> => {
      const found = findStored(owned.store, archive, digest);
      const layer = found ?? (await unpack(owned, { staging, archive, digest }, options));
      const config = configOf({ ...options, layer, defaults, created });
      return commit(owned, { staging, archive, reference, layer, isNew: found === undefined, config });
    };
    // Who imports the same archive at the same time waits here, and finds the layer in the store then.
    return await withDownload(owned.store, digest, () => storeWhole(attempt));
  } finally {
    await removeStaging(owned.store, staging);
  }
}

/** The layer of an archive that another image has brought already. */
function findStored(store: Store, archive: string, digest: Digest): UnpackedLayer | undefined {
  const diffId = findDiffId(store, digest);
  const record = diffId === undefined ? undefined : readLayerRecord(store, diffId);
  if (record === undefined) return undefined;
  const sizeBytes = statSync(archive).size;
  return {
    archiveBytes: 0,
    skippedAttributes: 0,
    squashedIds: 0,
    lostOwners: 0,
    isOpaque: false,
    looseDirectories: 0,
    looseLinks: 0,
    ...record,
    digest,
    sizeBytes,
    compression: compressionOf(archive),
  };
}

async function unpack(
  { owner }: OwnedStore,
  { staging, archive, digest }: { readonly staging: string; readonly archive: string; readonly digest: Digest },
  { limits, squashIds, onProgress }: ImportOptions,
): Promise<UnpackedLayer> {
  const directory = makeLayerDirectory(staging, owner);
  const totalBytes = statSync(archive).size;
  const layer = await unpackLayer(archive, treeIn(directory), {
    limits,
    squashIds,
    digest,
    onProgress: (sizeBytes) => onProgress?.(sizeBytes, totalBytes),
  });
  writeLayer(directory, layer);
  return layer;
}

/** Brings the archive to `path`; a file on the same file system shares its blocks where that can be. */
async function stage(input: ArchiveInput, path: string): Promise<void> {
  if (input.path !== null && input.sizeBytes !== null) stageCopy(input.path, path);
  else await stageStream(input.open(), path);
}

interface ConfigParts extends ImportOptions {
  readonly layer: UnpackedLayer;
  readonly defaults: ImageDefaults;
  readonly created: string;
}

function configOf({ layer, defaults, created, message, file, platform }: ConfigParts): ImageConfig {
  return {
    created,
    ...hostPlatform(),
    ...platform,
    config: defaults,
    rootfs: { type: 'layers', diff_ids: [layer.diffId as Digest] },
    history: [{ created, comment: message ?? `Imported from ${file === '-' ? 'stdin' : basename(file)}` }],
  };
}

interface StagedImport {
  readonly staging: string;
  readonly archive: string;
  readonly reference: Reference | null;
  readonly layer: UnpackedLayer;
  /** True when the layer waits in staging. */
  readonly isNew: boolean;
  readonly config: ImageConfig;
}

async function commit({ store }: OwnedStore, staged: StagedImport): Promise<ImportedImage> {
  const { staging, layer, reference } = staged;
  const diffId = layer.diffId as Digest;
  syncPath(staged.archive);
  const blob: StagedBlob = {
    path: staged.archive,
    descriptor: { mediaType: LAYER_TYPE[layer.compression], digest: layer.digest as Digest, size: layer.sizeBytes },
  };
  const config = stageJson(join(staging, 'config'), staged.config, MEDIA_TYPE.config);
  const content: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: config.descriptor,
    layers: [blob.descriptor],
  };
  const manifest = stageJson(join(staging, 'manifest'), content, MEDIA_TYPE.manifest);
  await commitImage(store, {
    reference,
    manifest,
    blobs: [blob, config],
    layers: staged.isNew ? [{ directory: join(staging, 'layer'), diffId }] : [],
    needs: { blobs: [blob.descriptor.digest, config.descriptor.digest], layers: [diffId] },
  });
  return {
    id: config.descriptor.digest,
    name: reference === null ? null : familiarName(reference),
    manifestDigest: manifest.descriptor.digest,
    layer,
  };
}
