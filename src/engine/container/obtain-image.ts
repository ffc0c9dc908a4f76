/** The image of a run request, fetched first where the request wants that; on the host's side. */
import { HutchError } from '../../errors/hutch-error.ts';
import { hostPlatform } from '../../images/store/find-image.ts';
import type { Platform } from '../../oci/image.ts';
import { parsePlatform, platformName, runsOn } from '../../oci/platform.ts';
import type { Store } from '../../state/store.ts';
import { findImage } from './find-image.ts';
import { HOST_IMAGE, type ImageSource } from './image-source.ts';
import { badValue } from './parse-values.ts';
import { entriesHere, PULL_POLICIES, type PullPolicy, type WatchPull } from './pull-policy.ts';
import type { RunRequest } from './run-request.ts';

/** As findImage(), after a pull where --pull and --platform ask for one; USAGE_INVALID, and as pullImage(). */
export async function obtainImage(store: Store, request: RunRequest, watch: WatchPull): Promise<ImageSource> {
  const policy = policyOf(request);
  if (request.platform !== undefined) requireOffered(request, parsePlatform(request.platform));
  if (request.image === HOST_IMAGE || policy === 'never') return findImage(store, request.image);
  if (policy === 'missing') {
    const entries = entriesHere(store, request);
    if (entries.length > 0) return findImage(store, request.image, entries);
  }
  // Only now: what a pull needs takes longer to load than a container takes to start.
  const { pullForRun } = await import('./pull-for-run.ts');
  const name = await pullForRun(store, { ...request, policy }, watch);
  return { ...findImage(store, name), reference: request.image };
}

/** The image "host" is for this host alone. */
function requireOffered({ image }: RunRequest, wanted: Platform): void {
  const own = hostPlatform();
  if (image !== HOST_IMAGE || runsOn(own, wanted)) return;
  throw new HutchError(`the image "host" is for ${platformName(own)}, not for ${platformName(wanted)}`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'leave --platform out, or name another image',
  });
}

function policyOf({ pull = 'missing' }: RunRequest): PullPolicy {
  const policy = PULL_POLICIES.find((known) => known === pull);
  if (policy === undefined) throw badValue('--pull', pull, `one of ${PULL_POLICIES.join(', ')}`);
  return policy;
}
