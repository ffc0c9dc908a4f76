/** `hutch system prune`: everything that nothing needs goes; in the CLI process. */
import { pruneContainers, type PrunedContainers } from '../container/prune-containers.ts';
import { collectGarbage } from '../image/collect-garbage.ts';
import { pruneNetworks } from '../network/remove-network.ts';
import { pruneImages, type PrunedImages } from '../image/prune-images.ts';

export interface PrunedSystem {
  readonly containers: PrunedContainers;
  /** Names of networks that are gone. */
  readonly networks: readonly string[];
  readonly images: PrunedImages;
  /** What the disk has back, that of killed commands included. */
  readonly freedBytes: number;
}

/** Containers that do not run, then networks that none is on, images that nothing uses then (with `all` also those with names), then remains of killed commands. */
export async function pruneSystem(options: {
  readonly all: boolean;
  readonly filters: readonly string[] | undefined;
}): Promise<PrunedSystem> {
  const containers = await pruneContainers(options.filters);
  const networks = await pruneNetworks(options.filters);
  const images = await pruneImages(options);
  const { garbage } = await collectGarbage();
  const garbageBytes = garbage.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { containers, networks, images, freedBytes: containers.freedBytes + images.freedBytes + garbageBytes };
}
