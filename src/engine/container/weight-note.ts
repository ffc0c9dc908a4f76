/** What there is to say of a weight of block I/O that nothing heeds; on the host's side, reads only. */
import { hasBlockWeights } from '../../host/block-weights.ts';
import type { SpecResources } from '../../oci/resources.ts';

/** A warning for resources with such a weight; null when there is nothing to say. `root`: the directory that holds /sys. */
export function weightNote({ blockIO }: SpecResources = {}, root = '/'): string | null {
  if (blockIO?.weight === undefined || hasBlockWeights(root)) return null;
  return '--blkio-weight has no effect now: no block device of this host has the scheduler bfq, or iocost turned on, which is for an admin (docs/limits.md)';
}
