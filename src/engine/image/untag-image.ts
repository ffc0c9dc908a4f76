/** `hutch untag`: takes names from an image, which stays in the store; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { untagImage as removeNames } from '../../images/store/commit-image.ts';
import { resolveImage } from '../../images/store/find-image.ts';
import { fullName, parseReference } from '../../images/reference.ts';
import { refuseHostImage } from './host-image.ts';
import { openImageStore } from './open-image-store.ts';

/** Takes `names`, or all when there is none of them. IMAGE_UNKNOWN for an image or a name that it has not got; nothing is taken then. */
export async function untagImage(image: string, names: readonly string[]): Promise<void> {
  refuseHostImage(image, 'untagged');
  const wanted = names.map((name) => fullName(parseReference(name)));
  const { store } = await openImageStore();
  const missing = await removeNames(
    store,
    resolveImage(store, image).manifestDigest,
    names.length === 0 ? null : wanted,
  );
  if (missing === undefined) return;
  throw new HutchError(`image ${image} has no name ${missing}`, {
    code: 'IMAGE_UNKNOWN',
    hint: 'see its names with `hutch image inspect`',
    context: { image },
  });
}
