/** `hutch commit`: a container's changes become a new image on top of its own; in the CLI process. */
import { join } from 'node:path';
import { obtainLayer } from '../../images/layer/obtain-layer.ts';
import { packContainer } from '../../images/layer/pack-layer.ts';
import type { Packed } from '../../images/layer/pack-protocol.ts';
import { familiarName } from '../../images/reference.ts';
import { digestFile, stageJson, stageStream, syncPath, type StagedBlob } from '../../images/store/blob-file.ts';
import { commitImage } from '../../images/store/commit-image.ts';
import { resolveImage, type ResolvedImage } from '../../images/store/find-image.ts';
import { cleanStaging, makeStaging, removeStaging } from '../../images/store/staging.ts';
import { MEDIA_TYPE, type Descriptor, type Digest, type ImageConfig } from '../../oci/image.ts';
import { noteEvent } from '../../state/events.ts';
import { findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { statSync } from 'node:fs';
import { creationTime } from '../image/creation-time.ts';
import { defaultsFromChanges } from '../image/image-changes.ts';
import { openImageStore } from '../image/open-image-store.ts';
import { parseTarget } from '../image/target-name.ts';
import { locateTree } from './container-tree.ts';

export interface CommitOptions {
  /** `name[:tag]`; the image has no name without it. */
  readonly name?: string | undefined;
  readonly message?: string | undefined;
  readonly author?: string | undefined;
  /** Dockerfile instructions for the image's defaults. */
  readonly changes?: readonly string[] | undefined;
}

export interface CommittedImage extends Packed {
  readonly id: Digest;
  readonly name: string | null;
}

/**
 * Makes an image of the container of a name or id: the layers and defaults of its own image, one more layer, and `changes`.
 * CONTAINER_UNKNOWN, CONTAINER_RUNNING, IMAGE_UNKNOWN when its image is gone, USAGE_INVALID, REFERENCE_INVALID, STORE_*, STORAGE_FULL.
 */
export async function commitContainer(word: string, options: CommitOptions = {}): Promise<CommittedImage> {
  const reference = options.name === undefined ? null : parseTarget(options.name, 'committed');
  const created = creationTime();
  const { store, owner } = await openImageStore();
  const record = findContainer(store, word);
  const tree = locateTree(store, record);
  const base = resolveImage(store, record.image.id);
  const defaults = defaultsFromChanges(options.changes ?? [], base.config.config);
  await cleanStaging(store);
  const staging = makeStaging(store);
  try {
    const path = join(staging, 'archive');
    const packed = await packContainer(store, { ...tree, output: 'layer' }, (output) => stageStream(output, path));
    syncPath(path);
    const digest = digestFile(path);
    const layer: StagedBlob = {
      path,
      descriptor: { mediaType: MEDIA_TYPE.layer, digest, size: statSync(path).size },
    };
    const unpacked = await obtainLayer(store, owner, { diffId: digest, path, digest });
    const config = stageJson(
      join(staging, 'config'),
      configOf({ base, defaults, created, options, record, diffId: digest }),
      MEDIA_TYPE.config,
    );
    const layers = [...base.manifest.layers.map(inOciTerms), layer.descriptor];
    const content = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config: config.descriptor, layers };
    await commitImage(store, {
      reference,
      manifest: stageJson(join(staging, 'manifest'), content, MEDIA_TYPE.manifest),
      blobs: [layer, config],
      layers: unpacked === null ? [] : [unpacked],
      needs: {
        blobs: [...layers.map((descriptor) => descriptor.digest), config.descriptor.digest],
        layers: [...base.config.rootfs.diff_ids, digest],
      },
    });
    const name = reference === null ? null : familiarName(reference);
    noteEvent(store, 'commit', record, {
      ...(options.message === undefined ? {} : { comment: options.message }),
      imageID: config.descriptor.digest,
      imageRef: name ?? '',
    });
    return { ...packed, id: config.descriptor.digest, name };
  } finally {
    await removeStaging(store, staging);
  }
}

interface ConfigParts {
  readonly base: ResolvedImage;
  readonly defaults: NonNullable<ImageConfig['config']>;
  readonly created: string;
  readonly options: CommitOptions;
  readonly record: ContainerRecord;
  readonly diffId: Digest;
}

function configOf({ base, defaults, created, options, record, diffId }: ConfigParts): ImageConfig {
  const { author, message } = options;
  const named = author === undefined ? {} : { author };
  const comment = message === undefined ? {} : { comment: message };
  return {
    ...base.config,
    ...named,
    created,
    config: defaults,
    rootfs: { type: 'layers', diff_ids: [...base.config.rootfs.diff_ids, diffId] },
    history: [...(base.config.history ?? []), { created, created_by: record.command.join(' '), ...named, ...comment }],
  };
}

/** Layers of an image that docker made are the same bytes under another name. */
function inOciTerms(layer: Descriptor): Descriptor {
  return layer.mediaType === MEDIA_TYPE.dockerLayerGzip ? { ...layer, mediaType: MEDIA_TYPE.layerGzip } : layer;
}
