/** `hutch rmi`: removes names and images; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { removeImage as removeFromStore, type RemovedImage } from '../../images/store/remove-image.ts';
import { cleanStaging } from '../../images/store/staging.ts';
import { isHostImage } from './host-image.ts';
import { readImageUses } from './image-uses.ts';
import { openImageStore } from './open-image-store.ts';

export type { RemovedImage } from '../../images/store/remove-image.ts';

export interface RemovalWish {
  /** Also all names of an image given by id, and images that containers were made from. */
  readonly isForced: boolean;
  /** All names of an image given by id. */
  readonly allNames?: boolean;
}

/** Removes one image by name or id. IMAGE_UNKNOWN; IMAGE_IN_USE unless forced; never the embedded image. */
export async function removeImage(name: string, options: RemovalWish): Promise<RemovedImage> {
  if (isHostImage(name)) {
    throw new HutchError(`image ${name} is built in and cannot be removed`, {
      code: 'IMAGE_IN_USE',
      hint: 'it takes no space in the store',
    });
  }
  const { store } = await openImageStore();
  await cleanStaging(store);
  return removeFromStore(store, name, { ...options, readUses: () => readImageUses(store) });
}
