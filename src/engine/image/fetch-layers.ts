/** The layers of an image onto this machine and unpacked, several at once; in the CLI process. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isHutchError } from '../../errors/hutch-error.ts';
import { hasLayer } from '../../images/layer/layers.ts';
import { obtainLayer, type ObtainedLayer } from '../../images/layer/obtain-layer.ts';
import type { Repository } from '../../images/registry/client.ts';
import { contentMismatch } from '../../images/registry/failures.ts';
import { createLimiter, type Limiter } from '../../images/registry/limiter.ts';
import { PARALLEL_TRANSFERS } from '../../images/registry/limits.ts';
import { obtainBlob } from '../../images/registry/obtain-blob.ts';
import { syncLayers } from '../../images/store/sync-layers.ts';
import type { StagedBlob } from '../../images/store/blob-file.ts';
import { blobPath } from '../../images/store/layout.ts';
import type { Descriptor, Digest } from '../../oci/image.ts';
import type { OwnedStore } from './open-image-store.ts';
import type { LayerPhase, TransferEvent } from './transfer-events.ts';

export interface WantedLayer {
  readonly descriptor: Descriptor;
  /** Null for a blob that is only kept, as those of other platforms. */
  readonly diffId: Digest | null;
}

export interface FetchedLayers {
  readonly blobs: readonly StagedBlob[];
  readonly layers: readonly ObtainedLayer[];
}

interface Work {
  readonly owned: OwnedStore;
  readonly repository: Repository;
  readonly squashIds: boolean | undefined;
  readonly hear: (event: TransferEvent) => void;
}

/**
 * Downloads and unpacks what is not there, and syncs it; a layer is unpacked while others are still on their way. The first failure is thrown
 * after all have ended: `stop` must make the others end. As obtainBlob() and obtainLayer(); CONTENT_MISMATCH for a wrong diff id.
 */
export async function fetchLayers(
  work: Work,
  wanted: readonly WantedLayer[],
  stop: (reason: unknown) => void,
): Promise<FetchedLayers> {
  const most = Math.min(availableParallelism(), PARALLEL_TRANSFERS);
  const [downloads, unpacks] = [createLimiter(most), createLimiter(most)];
  const blobs: StagedBlob[] = [];
  const layers: ObtainedLayer[] = [];
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    wanted.map(async (layer) => {
      try {
        const { blob, staged } = await fetchLayer(work, layer, { downloads, unpacks });
        blobs.push(blob);
        if (staged !== null) layers.push(staged);
      } catch (error) {
        failure ??= { error };
        stop(error);
      }
    }),
  );
  if (failure !== undefined) throw failure.error;
  return { blobs, layers };
}

async function fetchLayer(
  { owned: { store, owner }, repository, squashIds, hear }: Work,
  { descriptor, diffId }: WantedLayer,
  { downloads, unpacks }: { readonly downloads: Limiter; readonly unpacks: Limiter },
): Promise<{ blob: StagedBlob; staged: ObtainedLayer | null }> {
  const { digest, size } = descriptor;
  const { signal } = repository;
  const tell = (phase: LayerPhase, doneBytes: number): void =>
    hear({ event: 'transfer_layer', digest, phase, doneBytes });
  const { blob, wasThere } = await downloads(() => {
    signal.throwIfAborted();
    return obtainBlob(store, repository, descriptor, (doneBytes) => tell('downloading', doneBytes));
  });
  if (diffId === null || (wasThere && hasLayer(store, diffId))) {
    tell(wasThere ? 'there' : 'done', size);
    return { blob, staged: null };
  }
  tell('downloaded', size);
  const staged = await unpacks(async () => {
    const onProgress = (doneBytes: number): void => tell('unpacking', doneBytes);
    // Another pull may have moved the blob to its place in the store meanwhile.
    const path = existsSync(blob.path) ? blob.path : blobPath(store, digest);
    try {
      return await obtainLayer(store, owner, { diffId, path, digest }, { onProgress, signal, squashIds });
    } catch (error) {
      // The archive is what was announced, so it is the configuration that announces something else.
      if (isHutchError(error, 'ARCHIVE_INVALID') && typeof error.context['found'] === 'string')
        throw contentMismatch(`layer ${digest}`, `unpacked it is ${error.context['found']}, not ${diffId}`);
      throw error;
    }
  });
  // Now, while others are still on their way, not when all are there: the disk has less to do at the end.
  if (staged !== null) await syncLayers(store);
  tell('done', size);
  return { blob, staged: staged && { ...staged, isSynced: true } };
}
