/** Where a container's tree lies on disk, for what reads it as a whole; on the host's side. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { upperDirectory } from '../../drivers/rootfs/container-paths.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { layerStack } from '../../images/layer/layer-stack.ts';
import { layerDirectory } from '../../images/layer/layers.ts';
import type { ContainerTree } from '../../images/layer/pack-protocol.ts';
import { isDigest } from '../../oci/image.ts';
import { containerDirectory, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { readJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';

/** The tree of `record` as the pack program sees it. IMAGE_UNKNOWN for a container of the host's own root. */
export function locateTree(store: Store, record: ContainerRecord): ContainerTree {
  const layers = record.image.layers.filter(isDigest);
  if (layers.length === 0) throw isHost(record);
  const directory = containerDirectory(store, record.id);
  const inStore = (path: string): string => `/${relative(store.root, path)}`;
  return {
    upper: inStore(upperDirectory(directory)),
    lower: layerStack(layers, (diffId) => layerDirectory(store, diffId)).map(inStore),
    // Only the driver that copies needs no links to the layers.
    isWholeCopy: !existsSync(join(directory, 'l')),
    isLive: isBusy(currentState(store, record)),
    mounted: mountedPaths(directory),
  };
}

/** Paths in the container of the mounts in its spec. `directory` is the container's. */
export function mountedPaths(directory: string): string[] {
  const spec = readJsonFile(join(directory, 'config.json')) as { readonly mounts?: readonly unknown[] } | undefined;
  return (spec?.mounts ?? []).flatMap((mount) => {
    const { destination } = mount as { readonly destination?: unknown };
    return typeof destination === 'string' ? [destination] : [];
  });
}

/** An archive of it would be a system whose files belong to nobody, without those that its user cannot read. */
function isHost({ name, image }: ContainerRecord): HutchError {
  return new HutchError(
    `container "${name}" was made from "${image.reference}": apart from its changes it is this system itself, whose files have no owners in a container and which no image holds`,
    {
      code: 'IMAGE_UNKNOWN',
      hint: `hutch diff ${name} lists what it has changed, and hutch cp takes that out; for an archive or an image of all of it, run it from one (hutch pull, hutch image import)`,
      context: { container: name, image: image.reference },
    },
  );
}
