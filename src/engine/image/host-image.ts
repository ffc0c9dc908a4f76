/** The embedded image: the host's own root file system, read-only; nothing of it is in the store. In the CLI process. */

/** Its name, which no other image can have. */
export const HOST_IMAGE = 'host';

/** True when `name` means the embedded image. */
export function isHostImage(name: string): boolean {
  return name === HOST_IMAGE || name === `${HOST_IMAGE}:latest`;
}
