/** Rootfs driver `fuse-overlayfs`: overlay in user space, for kernels and file systems on which the kernel's own refuses. */
import { readdirSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { requireTool } from '../../host/run-tool.ts';
import { preparation, type RootfsSource } from '../../oci/rootfs-source.ts';
import { layerLinks, mountPoint, upperDirectory, workDirectory } from './container-paths.ts';
import type { RootfsDriver } from './driver.ts';
import { isTakenIn, upperSkeleton } from './host-root.ts';

/** Top-level directories of the host that get mounts of their own in every container, or that hutch fills. */
const MADE_ANYWAY = ['dev', 'proc', 'sys'];

type Hide = Extract<RootfsSource, { kind: 'helper' }>['hide'];

export const fuseOverlayfsDriver: RootfsDriver = {
  name: 'fuse-overlayfs',
  prepare: ({ directory, ...lower }) => {
    const links = layerLinks(lower).map(({ path, to }) => ({ path: join(directory, path), to }));
    return {
      source: mountedByHelper(
        directory,
        links.map(({ path }) => path),
        null,
      ),
      preparation: preparation({ directories: [...ownDirectories(directory), join(directory, 'l')], links }),
    };
  },
  prepareHost: (directory) => {
    const skeleton = upperSkeleton(['/etc', '/opt', '/usr', '/var']);
    return {
      source: mountedByHelper(directory, ['/'], leftOut()),
      preparation: preparation({
        directories: [...ownDirectories(directory), ...skeleton.map((path) => join(upperDirectory(directory), path))],
      }),
    };
  },
};

function leftOut(): NonNullable<Hide> {
  const entries = readdirSync('/', { withFileTypes: true }).filter(
    ({ name }) => !isTakenIn(name) && !MADE_ANYWAY.includes(name),
  );
  const paths = (isWanted: (entry: Dirent) => boolean): string[] =>
    entries.filter(isWanted).map(({ name }) => `/${name}`);
  return { directories: paths((entry) => entry.isDirectory()), files: paths((entry) => entry.isFile()) };
}

function ownDirectories(directory: string): string[] {
  return [upperDirectory(directory), workDirectory(directory), mountPoint(directory)];
}

function mountedByHelper(directory: string, lower: readonly string[], hide: Hide): RootfsSource {
  const tool = requireTool('fuse-overlayfs', 'mount the layers of the image in user space');
  const at = mountPoint(directory);
  const options = [
    `lowerdir=${lower.map(escapePath).join(':')}`,
    `upperdir=${escapePath(upperDirectory(directory))}`,
    `workdir=${escapePath(workDirectory(directory))}`,
    'volatile',
    // Counting the links of a directory made anew brings back what a lower layer has at its place (their issue 324).
    'static_nlink',
  ];
  return { kind: 'helper', at, argv: [tool, '-o', options.join(','), at], hide };
}

/** fuse-overlayfs takes colons and commas as separators, and a backslash before one as the character itself. */
function escapePath(path: string): string {
  return path.replace(/[\\:,]/gu, '\\$&');
}
