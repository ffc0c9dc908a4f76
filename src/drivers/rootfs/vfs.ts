/** Rootfs driver `vfs`: a full copy of the image for each container; slow, but it needs nothing of the kernel. */
import { HutchError } from '../../errors/hutch-error.ts';
import { preparation } from '../../oci/rootfs-source.ts';
import { mountPoint, upperDirectory } from './container-paths.ts';
import type { RootfsDriver } from './driver.ts';

export const vfsDriver: RootfsDriver = {
  name: 'vfs',
  prepare: ({ directory, layers }) => {
    const copy = upperDirectory(directory);
    const at = mountPoint(directory);
    return {
      source: { kind: 'directory', source: copy, at },
      preparation: preparation({ directories: [at], copies: [{ layers: layers.toReversed(), to: copy }] }),
    };
  },
  prepareHost: () => {
    throw new HutchError('the image "host" cannot be used with storage driver vfs: it would copy the whole host', {
      code: 'DRIVER_UNAVAILABLE',
      hint: 'use --storage-driver overlay or fuse-overlayfs, or another image',
    });
  },
};
