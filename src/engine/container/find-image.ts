/** Finding the image of a run request: the embedded one, or one in the store. */
import type { Store } from '../../state/store.ts';
import { HOST_IMAGE, hostImage, type ImageSource } from './image-source.ts';

/** IMAGE_UNKNOWN when the store has no such image. */
export async function findImage(store: Store, word: string): Promise<ImageSource> {
  if (word === HOST_IMAGE) return hostImage();
  throw new Error(`${store.images} ${word}`);
}
