/** What a rootfs driver is: it decides how a container's root is put together; init or a helper mounts it. */
import type { PreparedRootfs } from '../../oci/rootfs-source.ts';
import type { RootfsDriverName } from './probe.ts';

export interface RootfsRequest {
  /** The container's own directory. */
  readonly directory: string;
  /** Unpacked layers, top layer first; absolute paths. */
  readonly layers: readonly string[];
  /** What lies below them, where there is such a thing: what is mounted over in every container. Of no use to a driver that copies. */
  readonly skeleton?: string | undefined;
}

/** Drivers touch nothing on disk and mount nothing on the host's side, so that nothing is left to unmount after any death. */
export interface RootfsDriver {
  readonly name: RootfsDriverName;
  prepare(request: RootfsRequest): PreparedRootfs;
  /** The host's own root as an image. DRIVER_UNAVAILABLE where the driver cannot. */
  prepareHost(directory: string): PreparedRootfs;
}
