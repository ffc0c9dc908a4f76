/** What images keep alive, marked from the index as it stands on disk; on the host's side. */
import { existsSync } from 'node:fs';
import { isHutchError } from '../../errors/hutch-error.ts';
import { isConfigType, isIndexType, type Descriptor, type Digest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { blobPath, readConfig, readManifest, readNestedIndex } from './layout.ts';

export interface Reachable {
  /** With the sizes that their descriptors state, in bytes. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** Diff ids. */
  readonly layers: ReadonlySet<Digest>;
  /** What could not be read, in words: when there is something, more may be in use than was found. */
  readonly damage: readonly string[];
}

/** Everything that these index entries need. Of a nested index only what is here: other platforms never were. */
export function markReachable(store: Store, entries: readonly Descriptor[]): Reachable {
  const blobs = new Map<Digest, number>();
  const layers = new Set<Digest>();
  const damage: string[] = [];
  const mark = (entry: Descriptor): void => {
    blobs.set(entry.digest, entry.size);
    if (isIndexType(entry.mediaType)) {
      const parts = readNestedIndex(store, entry).manifests;
      for (const part of parts) if (existsSync(blobPath(store, part.digest))) mark(part);
      return;
    }
    const manifest = readManifest(store, entry);
    for (const { digest, size } of [manifest.config, ...manifest.layers]) blobs.set(digest, size);
    // Next to images an index may name signatures and the like, which have no layers to unpack.
    if (!isConfigType(manifest.config.mediaType)) return;
    for (const diffId of readConfig(store, manifest.config).rootfs.diff_ids) layers.add(diffId);
  };
  for (const entry of entries) {
    try {
      mark(entry);
    } catch (error) {
      if (!isHutchError(error, 'RECORD_CORRUPT', 'SPEC_INVALID')) throw error;
      damage.push(error.message);
    }
  }
  return { blobs, layers, damage };
}
