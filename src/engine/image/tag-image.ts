/** `hutch tag`: gives an image one more name; in the CLI process. */
import { tagImage as addName } from '../../images/store/commit-image.ts';
import { resolveImage } from '../../images/store/find-image.ts';
import { refuseHostImage } from './host-image.ts';
import { openImageStore } from './open-image-store.ts';
import { parseTarget } from './target-name.ts';

/** A name that another image had moves over. IMAGE_UNKNOWN, REFERENCE_INVALID. */
export async function tagImage(source: string, target: string): Promise<void> {
  refuseHostImage(source, 'tagged');
  const reference = parseTarget(target, 'tagged');
  const { store } = await openImageStore();
  await addName(store, resolveImage(store, source).manifestDigest, reference);
}
