/** What containers take on disk; in the CLI process, measured in the user namespace. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { upperDirectory } from '../../drivers/rootfs/container-paths.ts';
import { layerSize } from '../../images/layer/layers.ts';
import { isDigest } from '../../oci/image.ts';
import { containerDirectory, type ContainerRecord } from '../../state/container-record.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { measureTrees } from '../../userns/measure-trees.ts';

export interface ContainerSize {
  /** What the container has written, as du(1) counts it. */
  readonly ownBytes: number;
  /** The same with the layers of its image; the host's own root counts nothing. */
  readonly allBytes: number;
}

/** The sizes by id. With storage driver vfs the whole tree is the container's own. */
export async function measureContainers(
  records: readonly ContainerRecord[],
): Promise<ReadonlyMap<string, ContainerSize>> {
  const store = locateStore();
  const places = new Map(records.map(({ id }) => [id, writtenPlaces(store, id)]));
  const sizes = await measureTrees([...places.values()].flat());
  return new Map(
    records.map((record) => {
      const ownBytes = (places.get(record.id) ?? []).reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
      return [record.id, { ownBytes, allBytes: ownBytes + imageBytes(store, record) }];
    }),
  );
}

function writtenPlaces(store: Store, id: string): string[] {
  const directory = containerDirectory(store, id);
  return [upperDirectory(directory), join(directory, 'host')].filter((path) => existsSync(path));
}

/** Only a driver that copies makes no links to the layers: its copy holds them already. */
function imageBytes(store: Store, { id, image }: ContainerRecord): number {
  if (!existsSync(join(containerDirectory(store, id), 'l'))) return 0;
  return image.layers.filter(isDigest).reduce((sum, diffId) => sum + (layerSize(store, diffId) ?? 0), 0);
}
