/** What images keep alive, marked from the index as it stands on disk; on the host's side. */
import { existsSync } from 'node:fs';
import { isHutchError } from '../../errors/hutch-error.ts';
import { isIndexType, type Descriptor, type Digest } from '../../oci/image.ts';
import type { Store } from '../../state/store.ts';
import { blobPath, readConfig, readManifest, readNestedIndex } from './layout.ts';

export interface Reachable {
  readonly blobs: ReadonlySet<Digest>;
  /** Diff ids. */
  readonly layers: ReadonlySet<Digest>;
  /** False when a record could not be read, so that more may be in use than was found. */
  readonly isComplete: boolean;
}

/** Everything that these index entries need. Of a nested index only what is here: other platforms never were. */
export function markReachable(store: Store, entries: readonly Descriptor[]): Reachable {
  const blobs = new Set<Digest>();
  const layers = new Set<Digest>();
  let isComplete = true;
  const mark = (entry: Descriptor): void => {
    blobs.add(entry.digest);
    if (isIndexType(entry.mediaType)) {
      const parts = readNestedIndex(store, entry).manifests;
      for (const part of parts) if (existsSync(blobPath(store, part.digest))) mark(part);
      return;
    }
    const manifest = readManifest(store, entry);
    for (const { digest } of [manifest.config, ...manifest.layers]) blobs.add(digest);
    for (const diffId of readConfig(store, manifest.config).rootfs.diff_ids) layers.add(diffId);
  };
  for (const entry of entries) {
    try {
      mark(entry);
    } catch (error) {
      if (!isHutchError(error, 'RECORD_CORRUPT', 'SPEC_INVALID')) throw error;
      isComplete = false;
    }
  }
  return { blobs, layers, isComplete };
}
