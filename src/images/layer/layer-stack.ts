/** Which trees make up an image, in which order; on the host's side. */
import type { Digest } from '../../oci/image.ts';
import { readRecordIn, seamIn, treeIn, type LayerRecord } from './layers.ts';

/** Where the directory of a layer is: in the store, or still in staging. */
export type LocateLayer = (diffId: Digest) => string;

/**
 * The trees of the layers `diffIds` (lowest first), top first, whether they are there or not; with the seams between them. Layers below
 * one whose root is opaque are left out, as no driver looks at a root for that; and so is a layer that lies above once more, which hides all
 * of it: the kernel takes no directory twice.
 */
export function layerStack(diffIds: readonly Digest[], locate: LocateLayer): string[] {
  const trees: string[] = [];
  for (const [at, diffId] of [...diffIds.entries()].reverse()) {
    const directory = locate(diffId);
    const tree = treeIn(directory);
    if (trees.includes(tree)) continue;
    const record = readRecordIn(directory);
    const below = diffIds.slice(0, at);
    if (needsSeam(record, below)) trees.push(seamIn(directory, below));
    trees.push(tree);
    if (record?.isOpaque === true) break;
  }
  return trees;
}

/** True when a layer has loose ends, and something below it. */
export function needsSeam(record: LayerRecord | undefined, below: readonly Digest[]): boolean {
  if (record === undefined || record.isOpaque === true || below.length === 0) return false;
  return (record.looseDirectories ?? 0) + (record.looseLinks ?? 0) > 0;
}
