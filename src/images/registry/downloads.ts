/** Half-fetched images below staging: what an interrupted pull left is found again by the next; on the host's side. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../oci/image.ts';
import { writeError } from '../../state/json-file.ts';
import { withLock } from '../../state/lock.ts';
import type { Store } from '../../state/store.ts';
import { removeStaging } from '../store/staging.ts';

/** As long as this a half-fetched image waits for somebody to go on with it. */
const KEPT_MS = 7 * 24 * 3_600_000;
/** Another hutch may be fetching the same layer over a slow line: its end is worth waiting for. */
const LOCK_DEADLINE_MS = 4 * 3_600_000;

/** The directory of half-fetched things; made where it is missing. STORE_UNWRITABLE, STORAGE_FULL. */
export function downloadsDirectory(store: Store): string {
  const path = join(store.staging, 'downloads');
  try {
    // Run by root, what is unpacked belongs to another id, who must get through here; the store around it is private.
    mkdirSync(path, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw writeError(path, error);
  }
  return path;
}

/** Where a blob grows. What is there is not checked yet. */
export function partialBlob(store: Store, digest: Digest): string {
  return `${stemOf(store, digest)}.part`;
}

/** Where a blob waits for its image once its digest was checked; nobody writes to it any more. */
export function wholeBlob(store: Store, digest: Digest): string {
  return `${stemOf(store, digest)}.blob`;
}

/** Where an unpacked layer waits for its image: complete when it has its record. */
export function readyLayer(store: Store, diffId: Digest): string {
  return `${stemOf(store, diffId)}.layer`;
}

function stemOf(store: Store, digest: Digest): string {
  return join(downloadsDirectory(store), digest.replace(':', '-'));
}

/** Runs `work` as the only hutch that fetches `digest`; LOCK_TIMEOUT after hours. */
export function withDownload<T>(store: Store, digest: Digest, work: () => Promise<T>): Promise<T> {
  return withLock(stemOf(store, digest), `fetch ${digest.slice(0, 19)}`, work, LOCK_DEADLINE_MS);
}

/** Removes what nobody has touched for `keptMs`. Locks of living processes are touched every few seconds. */
export async function cleanDownloads(store: Store, keptMs = KEPT_MS): Promise<void> {
  const directory = downloadsDirectory(store);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && Date.now() - Math.max(stats.mtimeMs, stats.ctimeMs) > keptMs)
      await removeStaging(store, path);
  }
}
