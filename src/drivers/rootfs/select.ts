/** Finding a rootfs driver by its name. */
import type { RootfsDriver } from './driver.ts';
import type { RootfsDriverName } from './probe.ts';
import { fuseOverlayfsDriver } from './fuse-overlayfs.ts';
import { overlayDriver } from './overlay.ts';
import { vfsDriver } from './vfs.ts';

const DRIVERS: Readonly<Record<RootfsDriverName, RootfsDriver>> = {
  overlay: overlayDriver,
  'fuse-overlayfs': fuseOverlayfsDriver,
  vfs: vfsDriver,
};

/** The driver of a name. */
export function rootfsDriver(name: RootfsDriverName): RootfsDriver {
  return DRIVERS[name];
}
