/** When the image of a run request is fetched; on the host's side. */
import { findEntries, resolveImage } from '../../images/store/find-image.ts';
import { parsePlatform } from '../../oci/platform.ts';
import type { Store } from '../../state/store.ts';
import type { TransferEars } from '../image/transfer-events.ts';
import type { RunRequest } from './run-request.ts';

export const PULL_POLICIES = ['missing', 'always', 'never', 'newer'] as const;
export type PullPolicy = (typeof PULL_POLICIES)[number];

/** Has a pull shown to the user, who can stop it. */
export type WatchPull = <T>(work: (ears: TransferEars) => Promise<T>) => Promise<T>;

/** True when the store has the image, for the platform that was asked for if one was. */
export function isHere(store: Store, { image, platform }: Pick<RunRequest, 'image' | 'platform'>): boolean {
  if (findEntries(store, image).length === 0) return false;
  if (platform === undefined) return true;
  const { config } = resolveImage(store, image);
  const wanted = parsePlatform(platform);
  return config.os === wanted.os && config.architecture === wanted.architecture;
}
