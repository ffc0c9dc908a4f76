/** Getting one blob, once for all hutch processes that want it at the same time; on the host's side. */
import { existsSync, renameSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Descriptor } from '../../oci/image.ts';
import { writeError } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import type { StagedBlob } from '../store/blob-file.ts';
import { blobPath } from '../store/layout.ts';
import type { Repository } from './client.ts';
import { downloadBlob } from './download-blob.ts';
import { partialBlob, wholeBlob, withDownload } from './downloads.ts';
import { contentMismatch } from './failures.ts';

/** A blob that is on this machine, and whether it was before. */
export interface ObtainedBlob {
  readonly blob: StagedBlob;
  readonly wasThere: boolean;
}

/**
 * The blob from the store, from what another pull has left, or from the registry: its digest checked and its content synced.
 * Who comes second waits for the first and takes over what that has fetched. As downloadBlob() besides.
 */
export async function obtainBlob(
  store: Store,
  repository: Repository,
  descriptor: Descriptor,
  onProgress: (sizeBytes: number) => void,
): Promise<ObtainedBlob> {
  return (
    findBlob(store, descriptor) ??
    withDownload(store, descriptor.digest, async () => {
      repository.signal.throwIfAborted();
      const found = findBlob(store, descriptor);
      if (found !== undefined) return found;
      const [part, path] = [partialBlob(store, descriptor.digest), wholeBlob(store, descriptor.digest)];
      await downloadBlob(repository, { descriptor, path: part, onProgress });
      await finish(part, path);
      return { blob: { path, descriptor }, wasThere: false };
    })
  );
}

function findBlob(store: Store, descriptor: Descriptor): ObtainedBlob | undefined {
  const { digest, size } = descriptor;
  const path = [blobPath(store, digest), wholeBlob(store, digest)].find((candidate) => existsSync(candidate));
  const there = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  if (path === undefined || there === undefined) return undefined;
  if (there.size !== size)
    throw contentMismatch(`blob ${digest}`, `it is ${String(there.size)} bytes long, not ${String(size)}`);
  return { blob: { path, descriptor }, wasThere: true };
}

/** Gives a checked blob the name that says so, once the disk has it: a crash of the machine cannot leave a hollow one. */
async function finish(part: string, path: string): Promise<void> {
  try {
    const file = await open(part, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    renameSync(part, path);
  } catch (error) {
    throw writeError(path, error);
  }
}
