/** Rootfs driver `overlay`: the kernel's overlayfs, mounted by init in the user namespace. */
import { join } from 'node:path';
import { preparation } from '../../oci/rootfs-source.ts';
import { layerLinks, mountPoint, upperDirectory, workDirectory } from './container-paths.ts';
import type { RootfsDriver } from './driver.ts';
import { readHostRoot, upperSkeleton } from './host-root.ts';

/**
 * `userxattr` lets overlayfs keep its marks in xattrs that a user may set. `volatile` skips the syncfs(2) of the whole upper
 * file system at the end of every container; it leaves a mark that must go before that upper is mounted again.
 * Source: Documentation/filesystems/overlayfs.rst.
 */
const OPTIONS = ['userxattr', 'volatile'];

export const overlayDriver: RootfsDriver = {
  name: 'overlay',
  prepare: ({ directory, ...lower }) => {
    const links = layerLinks(lower);
    const at = mountPoint(directory);
    return {
      source: {
        kind: 'overlay',
        from: directory,
        at,
        lower: links.map(({ path }) => path),
        upper: 'upper',
        work: 'work',
        options: OPTIONS,
      },
      preparation: preparation({
        directories: [upperDirectory(directory), workDirectory(directory), at, join(directory, 'l')],
        links: links.map(({ path, to }) => ({ path: join(directory, path), to })),
      }),
    };
  },
  prepareHost: (directory) => {
    const host = readHostRoot();
    const at = mountPoint(directory);
    const source = upperDirectory(directory);
    const below = (kind: string, paths: readonly string[]): string[] =>
      paths.map((path) => join(directory, kind, path));
    return {
      source: {
        kind: 'host',
        source,
        from: directory,
        at,
        overlays: host.directories.map((path) => ({
          lower: path,
          upper: `host${path}`,
          work: `work${path}`,
          options: OPTIONS,
        })),
        binds: host.binds,
        links: host.links,
      },
      preparation: preparation({
        directories: [
          source,
          at,
          ...below('host', host.directories),
          ...below('work', host.directories),
          ...below('host', upperSkeleton(host.directories)),
        ],
      }),
    };
  },
};
