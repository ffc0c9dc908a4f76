/** The embedded image: the host's own root file system, read-only; nothing of it is in the store. In the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';

/** Its name, which no other image can have. */
export const HOST_IMAGE = 'host';

/** True when `name` means the embedded image. */
export function isHostImage(name: string): boolean {
  return name === HOST_IMAGE || name === `${HOST_IMAGE}:latest`;
}

/** USAGE_INVALID for the embedded image, which consists of no layers. `done` as in "cannot be saved". */
export function refuseHostImage(name: string, done: string): void {
  if (!isHostImage(name)) return;
  throw new HutchError(`image ${name} is built in and cannot be ${done}`, {
    code: 'USAGE_INVALID',
    hint: 'it is the root file system of this host; import a root file system to have an image of your own',
    context: { image: name },
  });
}
