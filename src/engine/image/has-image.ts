/** `hutch image exists`: whether the store has an image; in the CLI process. */
import { findEntries } from '../../images/store/find-image.ts';
import { locateStore } from '../../state/store.ts';
import { isHostImage } from './host-image.ts';

/** True for the name or id of an image, and for the built-in one. REFERENCE_INVALID. */
export function hasImage(name: string): boolean {
  return isHostImage(name) || findEntries(locateStore(), name).length > 0;
}
