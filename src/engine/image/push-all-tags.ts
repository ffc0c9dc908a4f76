/** `hutch push --all-tags`: every image of a repository that has a name here; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { fullName, parseReference, repositoryOf } from '../../images/reference.ts';
import { nameOf } from '../../images/store/index-names.ts';
import { readIndex } from '../../images/store/layout.ts';
import { locateStore } from '../../state/store.ts';
import { pushImage, type PushedImage, type PushOptions } from './push-image.ts';
import type { TransferEars } from './transfer-events.ts';

/** Pushes all tags of a repository, one after the other. USAGE_INVALID for a name with a tag or a destination; as pushImage(). */
export async function pushAllTags(options: PushOptions, ears: TransferEars): Promise<PushedImage[]> {
  const { image, destination } = options;
  if (destination !== undefined || /[:@]/u.test(image.slice(image.lastIndexOf('/') + 1)))
    throw new HutchError('--all-tags takes the name of one repository, without a tag and a destination', {
      code: 'USAGE_INVALID',
      hint: 'push images one by one to have them elsewhere',
    });
  const repository = repositoryOf(parseReference(image));
  const names = readIndex(locateStore())
    .manifests.map(nameOf)
    .filter((name) => name !== undefined)
    .map((name) => parseReference(name))
    .filter((reference) => reference.digest === null && repositoryOf(reference) === repository);
  if (names.length === 0)
    throw new HutchError(`no image here has a tag of ${repository}`, {
      code: 'IMAGE_UNKNOWN',
      hint: 'see `hutch images`; give an image the name with `hutch tag`',
    });
  const pushed: PushedImage[] = [];
  for (const reference of names) pushed.push(await pushImage({ ...options, image: fullName(reference) }, ears));
  return pushed;
}
