/** Fetching the image of a run request; loaded only when that is needed; on the host's side. */
import { isHutchError } from '../../errors/hutch-error.ts';
import { findEntries } from '../../images/store/find-image.ts';
import { readRegistriesConfig } from '../../images/registry/registries-conf.ts';
import { expandName } from '../../images/registry/sources.ts';
import { fullName } from '../../images/reference.ts';
import type { Store } from '../../state/store.ts';
import { pullImage } from '../image/pull-image.ts';
import type { TransferEars } from '../image/transfer-events.ts';
import type { RunRequest } from './run-request.ts';
import { isHere, type PullPolicy, type WatchPull } from './pull-policy.ts';

export interface ImageWish extends Pick<
  RunRequest,
  'image' | 'platform' | 'squashIds' | 'tlsVerify' | 'authFile' | 'certDirectory'
> {
  readonly policy: PullPolicy;
}

/** The name under which the store has the image then. With the policy `newer` an image that is here does when its registry fails. */
export async function pullForRun(store: Store, wish: ImageWish, watch: WatchPull): Promise<string> {
  const here = namesOf(wish.image).find((image) => isHere(store, { ...wish, image }));
  if (wish.policy === 'missing' && here !== undefined) return here;
  return watch(async (ears) => {
    try {
      const known = here !== undefined && wish.policy === 'newer' ? findEntries(store, here)[0]?.digest : undefined;
      // Field by field: the request of a container has limits, too, of another kind.
      const { image, platform, squashIds, tlsVerify, authFile, certDirectory } = wish;
      const { name } = await pullImage(
        { name: image, known, platform, squashIds, tlsVerify, authFile, certDirectory },
        ears,
      );
      return name;
    } catch (error) {
      if (here === undefined || wish.policy !== 'newer' || !isRegistryFailure(error)) throw error;
      tellOf(error.message, ears);
      return here;
    }
  });
}

/** What the store may have it under: as it is written, and as registries.conf reads a short name. */
function namesOf(image: string): string[] {
  return [image, ...expandName(image, readRegistriesConfig()).map(fullName)];
}

function isRegistryFailure(error: unknown): error is Error {
  return isHutchError(error, 'REGISTRY_FAILED', 'REGISTRY_DENIED', 'IMAGE_UNKNOWN', 'CONTENT_MISMATCH');
}

function tellOf(message: string, ears: TransferEars): void {
  ears.hear({ event: 'transfer_warning', text: `no newer image could be fetched: ${message}` });
}
