/** When the image of a run request is fetched; on the host's side. */
import { findEntries, resolveImage } from '../../images/store/find-image.ts';
import type { Descriptor } from '../../oci/image.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { Store } from '../../state/store.ts';
import type { TransferEars } from '../image/transfer-events.ts';
import type { RunRequest } from './run-request.ts';

export const PULL_POLICIES = ['missing', 'always', 'never', 'newer'] as const;
export type PullPolicy = (typeof PULL_POLICIES)[number];

/** Has a pull shown to the user, who can stop it. */
export type WatchPull = <T>(work: (ears: TransferEars) => Promise<T>) => Promise<T>;

/** True when the store has the image, for the platform that was asked for if one was. */
export function isHere(store: Store, wanted: Pick<RunRequest, 'image' | 'platform'>): boolean {
  return entriesHere(store, wanted).length > 0;
}

/** The entries of the store's index for that image; none when it is for another platform than the one that was asked for. */
export function entriesHere(store: Store, { image, platform }: Pick<RunRequest, 'image' | 'platform'>): Descriptor[] {
  const entries = findEntries(store, image);
  if (platform === undefined || entries.length === 0) return entries;
  const { config } = resolveImage(store, image, 'digest', entries);
  const wanted = parsePlatform(platform);
  return config.os === wanted.os && config.architecture === wanted.architecture ? entries : [];
}
