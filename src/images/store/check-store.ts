/** Whether the store is what its index says: every blob there and of its size, every layer whole; on the host's side. Takes no lock. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { listNames } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import { isCompleteLayer, layerDirectory, listLayers } from '../layer/layers.ts';
import { blobPath, readIndex } from './layout.ts';
import { markReachable } from './reachable.ts';

/** What is wrong, one sentence for each; empty for a sound store. Digests of manifests and configurations are computed anew, those of layers are not. */
export function checkStore(store: Store): string[] {
  const { blobs, damage } = markReachable(store, readIndex(store).manifests);
  const wrongBlobs = [...blobs].flatMap(([digest, sizeBytes]) => {
    const found = statSync(blobPath(store, digest), { throwIfNoEntry: false })?.size;
    if (found === undefined) return [`blob ${digest} is missing`];
    return found === sizeBytes ? [] : [`blob ${digest} is ${String(found)} bytes long, not ${String(sizeBytes)}`];
  });
  const wrongLayers = listLayers(store)
    .filter((diffId) => !isCompleteLayer(layerDirectory(store, diffId)))
    .map((diffId) => `layer ${diffId} is not whole`);
  const strangers = listNames(store.layers)
    .filter((name) => !listLayers(store).some((diffId) => layerDirectory(store, diffId) === join(store.layers, name)))
    .map((name) => `${join(store.layers, name)} is no layer`);
  return [...damage, ...wrongBlobs, ...wrongLayers, ...strangers];
}
