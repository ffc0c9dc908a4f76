/** Getting one layer unpacked, once for all hutch processes that want it at the same time; on the host's side. */
import { chownSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import type { Digest } from '../../oci/image.ts';
import { writeError } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import { readyLayer, withDownload } from '../registry/downloads.ts';
import type { StagedLayer } from '../store/commit-image.ts';
import { makeStaging, removeStaging } from '../store/staging.ts';
import { hasLayer, isCompleteLayer, readRecordIn, treeIn, writeLayer } from './layers.ts';
import { unpackLayer, type UnpackOptions } from './unpack-layer.ts';

export interface LayerSource {
  readonly diffId: Digest;
  /** The file that holds the layer, compressed or not, and the digest of its bytes where that was checked already. */
  readonly path: string;
  readonly digest: Digest | null;
}

export type ObtainOptions = Pick<UnpackOptions, 'onProgress' | 'signal' | 'squashIds'>;

/** A layer that was unpacked and waits for its image. */
export interface ObtainedLayer extends StagedLayer {
  /** Files that went to nobody. */
  readonly squashedIds: number;
}

/** Host ids that root of the user namespace is mapped to. */
export interface StoreOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The layer unpacked: null when the store has it, else where it waits for its image. Who comes second waits for the first and
 * takes over what that has made. ARCHIVE_INVALID when the content does not have its diff id; as unpackLayer besides.
 */
export async function obtainLayer(
  store: Store,
  owner: StoreOwner,
  source: LayerSource,
  options: ObtainOptions = {},
): Promise<ObtainedLayer | null> {
  const { diffId } = source;
  if (hasLayer(store, diffId)) return null;
  return withDownload(store, diffId, async () => {
    if (hasLayer(store, diffId)) return null;
    const directory = readyLayer(store, diffId);
    if (!isCompleteLayer(directory)) await makeReady(store, owner, source, options, directory);
    return { directory, diffId, squashedIds: readRecordIn(directory)?.squashedIds ?? 0 };
  });
}

async function makeReady(
  store: Store,
  owner: StoreOwner,
  { diffId, path, digest }: LayerSource,
  options: ObtainOptions,
  ready: string,
): Promise<void> {
  const staging = makeStaging(store);
  try {
    const directory = makeLayerDirectory(staging, owner);
    const layer = await unpackLayer(path, treeIn(directory), { ...options, digest: digest ?? undefined });
    if (layer.diffId !== diffId) throw wrongContent(diffId, layer.diffId);
    writeLayer(directory, layer);
    if (existsSync(ready)) await removeStaging(store, ready);
    renameSync(directory, ready);
  } finally {
    await removeStaging(store, staging);
  }
}

function wrongContent(wanted: Digest, found: string): HutchError {
  return new HutchError(`layer ${wanted} is damaged: its content has the digest ${found}`, {
    code: 'ARCHIVE_INVALID',
    hint: 'fetch or save the image again; do not trust where it came from',
    context: { wanted, found },
  });
}

/** A directory for a layer with an empty tree in it, which root of the user namespace owns: not the caller when root calls. */
export function makeLayerDirectory(staging: string, owner: StoreOwner): string {
  const directory = join(staging, 'layer');
  const tree = treeIn(directory);
  try {
    mkdirSync(tree, { recursive: true, mode: 0o700 });
    if (owner.uid !== process.getuid?.())
      for (const path of [staging, directory, tree]) chownSync(path, owner.uid, owner.gid);
  } catch (error) {
    throw writeError(directory, error);
  }
  return directory;
}
