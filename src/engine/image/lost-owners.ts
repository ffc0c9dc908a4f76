/** What users are told when the owners of files could not be kept; in the CLI process. */
import { readLayerRecord } from '../../images/layer/layers.ts';
import type { Digest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';

/** Entries of these layers whose owner is not even kept in an attribute. */
export function countLostOwners(store: Store, layers: Iterable<Digest>): number {
  return [...new Set(layers)].reduce((sum, diffId) => sum + (readLayerRecord(store, diffId)?.lostOwners ?? 0), 0);
}

/** One sentence about `count` entries of the image `name`. */
export function lostOwnersText(name: string, count: number): string {
  return `${name}: ${String(count)} entries belong to root now: one id only is mapped, and their type or this file system cannot keep another owner`;
}
