/** `hutch tag`: gives an image more names; in the CLI process. */
import { tagImage as addName } from '../../images/store/commit-image.ts';
import { resolveImage } from '../../images/store/find-image.ts';
import { refuseHostImage } from './host-image.ts';
import { openImageStore } from './open-image-store.ts';
import { parseTarget } from './target-name.ts';

/** A name that another image had moves over. IMAGE_UNKNOWN, REFERENCE_INVALID; none is given when one of them cannot be. */
export async function tagImage(source: string, ...targets: readonly string[]): Promise<void> {
  refuseHostImage(source, 'tagged');
  const references = targets.map((target) => parseTarget(target, 'tagged'));
  const { store } = await openImageStore();
  const { manifestDigest } = resolveImage(store, source);
  for (const reference of references) await addName(store, manifestDigest, reference);
}
