/** What broken-off pulls and removals left of images; on the host's side. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isHutchError } from '../../../errors/hutch-error.ts';
import { layerDirectory } from '../../../images/layer/layers.ts';
import { checkStore } from '../../../images/store/check-store.ts';
import { blobPath, withIndexLock } from '../../../images/store/layout.ts';
import { listAbandoned, listStaging, removeStaging } from '../../../images/store/staging.ts';
import { deleteUnneeded, findUnneeded, type Unneeded } from '../../../images/store/sweep.ts';
import { isLocked } from '../../../state/lock.ts';
import type { Store } from '../../../state/store.ts';
import { readImageUses } from '../../image/image-uses.ts';
import { ageMs, pathsIn, type Leftover } from './leftover.ts';

/** No driver is tried out for as long. */
const PROBE_MS = 300_000;
/** An unpacked layer may wait so long for the other layers of its image. */
const WAITING_MS = 3_600_000;

/** Directories of dead makers, and half pulls that nobody is at. */
export function findStaging(store: Store): Leftover[] {
  const staging = (place: string, text: string): Leftover => ({
    kind: 'staging',
    place,
    text,
    mend: () => removeStaging(store, place),
  });
  const probes = [store.root, store.staging]
    .flatMap(pathsIn)
    .filter((path) => basename(path).startsWith('.hutch-probe-') && ageMs(path) > PROBE_MS);
  return [
    ...listAbandoned(store).map((path) => staging(path, 'half an image, and whoever made it is dead')),
    ...probes.map((path) => staging(path, 'the trial of a storage driver that was killed')),
    ...findDownloads(store),
  ];
}

/** While somebody puts an image together, all that is there may be part of it. */
function findDownloads(store: Store): Leftover[] {
  if (listStaging(store).some(({ isMakerAlive }) => isMakerAlive)) return [];
  return pathsIn(join(store.staging, 'downloads'))
    .filter((path) => /\.(?:part|blob|layer)$/u.test(path) && isIdle(path))
    .map((place) => ({
      kind: 'download' as const,
      place,
      text: place.endsWith('.layer')
        ? 'a layer that was unpacked for an image which never came'
        : 'what a broken-off pull has fetched (the next pull of that image would go on with it)',
      mend: async () => {
        if (isIdle(place)) await removeStaging(store, place);
      },
    }));
}

function isIdle(path: string): boolean {
  const isHeld = isLocked(path.replace(/\.(?:part|blob|layer)$/u, ''));
  return !isHeld && existsSync(path) && (!path.endsWith('.layer') || ageMs(path) > WAITING_MS);
}

/** Layers and blobs that nothing names, and what is wrong with images; looked at under the lock of the index. */
export async function findImageLeftovers(store: Store): Promise<Leftover[]> {
  if (!existsSync(join(store.images, 'index.json'))) return [];
  return withIndexLock(store, 'check the images', () => {
    const { layers, blobs } = unneeded(store);
    return Promise.resolve([
      ...layers.map((diffId) => ({
        kind: 'layer' as const,
        place: layerDirectory(store, diffId),
        text: 'a layer that no image and no container needs',
        mend: () => deleteOne(store, diffId),
      })),
      ...blobs.map((digest) => ({
        kind: 'blob' as const,
        place: blobPath(store, digest),
        text: 'a blob that no image names',
        mend: () => deleteOne(store, digest),
      })),
      ...checkStore(store)
        .filter((text) => !layers.some((diffId) => text.includes(diffId)))
        .map(damage(store)),
    ]);
  });
}

function damage(store: Store): (text: string) => Leftover {
  const hint = 'remove the image that needs it (hutch rmi) and get it again; move away what is no layer';
  return (text) => ({ kind: 'damage', place: store.images, text, mend: null, hint });
}

/** Nothing while a record cannot be read: more may be needed than is seen. */
function unneeded(store: Store): Unneeded {
  try {
    const found = findUnneeded(
      store,
      () => readImageUses(store),
      () => false,
    );
    return found.damage.length === 0 ? found : { ...found, layers: [], blobs: [] };
  } catch (error) {
    if (!isHutchError(error, 'RECORD_CORRUPT')) throw error;
    return { layers: [], blobs: [], damage: [error.message] };
  }
}

function deleteOne(store: Store, digest: string): Promise<void> {
  return withIndexLock(store, 'delete what nothing needs', async () => {
    const { layers, blobs, damage: none } = unneeded(store);
    const isIt = (one: string): boolean => one === digest;
    const chosen = { layers: layers.filter(isIt), blobs: blobs.filter(isIt), damage: none };
    await deleteUnneeded(store, chosen, () => readImageUses(store));
  });
}
