/** `hutch system df`: what hutch's store takes on disk, as du(1) counts it; in the CLI process. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { layerDirectory, listLayers } from '../../images/layer/layers.ts';
import { blobPath, readIndex } from '../../images/store/layout.ts';
import { listImageDetails, type ImageDetails } from '../../images/store/list-images.ts';
import { markReachable } from '../../images/store/reachable.ts';
import { listBlobs } from '../../images/store/sweep.ts';
import { containerDirectory, listContainers } from '../../state/container-record.ts';
import { currentState, type ContainerStatus } from '../../state/container-state.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { measureTrees } from '../../userns/measure-trees.ts';

/** Sizes are bytes on disk. The rows together are the whole store. */
export interface UsageRow {
  readonly type: 'Images' | 'Containers' | 'Local Volumes' | 'Other';
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
}

export interface ImageUsage extends ImageDetails {
  /** Of its layers and blobs, what other images have as well, and what goes with it. */
  readonly sharedBytes: number;
  readonly uniqueBytes: number;
  readonly containers: number;
}

export interface ContainerUsage {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly status: ContainerStatus;
  readonly sizeBytes: number;
}

/** A part of the store that belongs to no one image and no one container. */
export interface RestUsage {
  readonly what: string;
  readonly sizeBytes: number;
}

export interface DiskUsage {
  readonly rows: readonly UsageRow[];
  /** With the unique bytes of each image and the containers it is the whole store. */
  readonly rest: readonly RestUsage[];
  readonly images: readonly ImageUsage[];
  readonly containers: readonly ContainerUsage[];
}

type Sizes = ReadonlyMap<string, number>;

/** Measures the store in one pass; containers that run meanwhile may grow. */
export async function diskUsage(): Promise<DiskUsage> {
  const store = locateStore();
  const sizes: Sizes = existsSync(store.root) ? await measureTrees([store.root], 2) : new Map();
  const blobSizes = await measureTrees(
    existsSync(join(store.images, 'blobs')) ? listBlobs(store).map((digest) => blobPath(store, digest)) : [],
  );
  const containers = containerUsages(store, sizes);
  const images = imageUsages(store, sizes, blobSizes);
  const rows = rowsOf(store, sizes, blobSizes, { images, containers });
  return { rows, images, containers, rest: restOf(store, sizes, blobSizes, rows) };
}

function containerUsages(store: Store, sizes: Sizes): ContainerUsage[] {
  return listContainers(store).map((record) => ({
    id: record.id,
    name: record.name,
    image: record.image.reference,
    status: currentState(store, record).status,
    sizeBytes: sizes.get(containerDirectory(store, record.id)) ?? 0,
  }));
}

/** The parts of each index entry by their paths. */
function partsOf(store: Store): Map<string, readonly string[]> {
  return new Map(
    readIndex(store).manifests.map((entry) => {
      const { blobs, layers } = markReachable(store, [entry]);
      const paths = [
        ...[...blobs.keys()].map((digest) => blobPath(store, digest)),
        ...[...layers].map((diffId) => layerDirectory(store, diffId)),
      ];
      return [entry.digest, paths];
    }),
  );
}

function imageUsages(store: Store, sizes: Sizes, blobSizes: Sizes): ImageUsage[] {
  const parts = partsOf(store);
  const owners = ownersOf(parts);
  const sizeOf = (path: string): number => blobSizes.get(path) ?? sizes.get(path) ?? 0;
  const uses = listContainers(store).map(({ image }) => image.id);
  return listImageDetails(store).map((image) => {
    const paths = parts.get(image.manifestDigest) ?? [];
    const sum = (isShared: boolean): number =>
      paths.filter((path) => (owners.get(path) ?? 0) > 1 === isShared).reduce((total, path) => total + sizeOf(path), 0);
    return {
      ...image,
      sharedBytes: sum(true),
      uniqueBytes: sum(false),
      containers: uses.filter((id) => id === image.id).length,
    };
  });
}

function rowsOf(
  store: Store,
  sizes: Sizes,
  blobSizes: Sizes,
  { images, containers }: Pick<DiskUsage, 'images' | 'containers'>,
): UsageRow[] {
  const size = (path: string): number => sizes.get(path) ?? 0;
  const volumes = join(store.root, 'volumes');
  const volumeCount = existsSync(volumes) ? readdirSync(volumes).length : 0;
  const imageBytes = size(store.images) + size(store.layers);
  const ended = containers.filter(({ status }) => status !== 'running' && status !== 'paused');
  const ids = new Set(images.map(({ id }) => id));
  const activeIds = new Set(images.filter((image) => image.containers > 0).map(({ id }) => id));
  const rows: UsageRow[] = [
    {
      type: 'Images',
      total: ids.size,
      active: activeIds.size,
      sizeBytes: imageBytes,
      reclaimableBytes: unusedBytes(store, sizes, blobSizes, images),
    },
    {
      type: 'Containers',
      total: containers.length,
      active: containers.length - ended.length,
      sizeBytes: size(store.containers),
      reclaimableBytes: ended.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    },
    { type: 'Local Volumes', total: volumeCount, active: 0, sizeBytes: size(volumes), reclaimableBytes: 0 },
  ];
  const known = rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [...rows, { type: 'Other', total: 0, active: 0, sizeBytes: size(store.root) - known, reclaimableBytes: 0 }];
}

/** What the table of images and that of containers do not show. */
function restOf(store: Store, sizes: Sizes, blobSizes: Sizes, rows: readonly UsageRow[]): RestUsage[] {
  const owners = ownersOf(partsOf(store));
  const layers = existsSync(store.layers) ? listLayers(store).map((diffId) => layerDirectory(store, diffId)) : [];
  const parts = [...layers.map((path) => [path, sizes.get(path) ?? 0] as const), ...blobSizes];
  const sum = (isOurs: (owners: number) => boolean): number =>
    parts.filter(([path]) => isOurs(owners.get(path) ?? 0)).reduce((total, [, size]) => total + size, 0);
  const inContainers = listContainers(store).reduce(
    (total, { id }) => total + (sizes.get(containerDirectory(store, id)) ?? 0),
    0,
  );
  const rowBytes = (type: UsageRow['type']): number => rows.find((row) => row.type === type)?.sizeBytes ?? 0;
  return [
    { what: 'Shared by images, counted once', sizeBytes: sum((count) => count > 1) },
    { what: 'Layers and blobs of no image', sizeBytes: sum((count) => count === 0) },
    {
      what: 'Index and directories',
      sizeBytes: rowBytes('Images') - sum(() => true) + rowBytes('Containers') - inContainers,
    },
    { what: 'Local volumes', sizeBytes: rowBytes('Local Volumes') },
    { what: 'Unfinished work, names, marker', sizeBytes: rowBytes('Other') },
  ];
}

/** How many images have each part. */
function ownersOf(parts: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const owners = new Map<string, number>();
  for (const path of [...parts.values()].flat()) owners.set(path, (owners.get(path) ?? 0) + 1);
  return owners;
}

/** Layers and blobs that no container needs: what `image prune --all` and `gc` give back. */
function unusedBytes(store: Store, sizes: Sizes, blobSizes: Sizes, images: readonly ImageUsage[]): number {
  const active = new Set(images.filter(({ containers }) => containers > 0).map(({ manifestDigest }) => manifestDigest));
  const kept = markReachable(
    store,
    readIndex(store).manifests.filter(({ digest }) => active.has(digest)),
  );
  const used = new Set([...kept.layers, ...listContainers(store).flatMap(({ image }) => image.layers)] as string[]);
  const layers = existsSync(store.layers) ? listLayers(store).filter((diffId) => !used.has(diffId)) : [];
  const keptBlobs = new Set([...kept.blobs.keys()].map((digest) => blobPath(store, digest)));
  const blobBytes = [...blobSizes].filter(([path]) => !keptBlobs.has(path)).reduce((sum, [, size]) => sum + size, 0);
  return layers.reduce((sum, diffId) => sum + (sizes.get(layerDirectory(store, diffId)) ?? 0), blobBytes);
}
