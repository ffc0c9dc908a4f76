/** The host's own root as an image: what of it goes into a container; read on the host's side. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * The top-level names that make up an operating system. Everything else is left out: what the kernel makes for each container
 * anew (/proc, /sys, /dev), what belongs to a session (/run, /tmp), and where people keep their own (/home, /root, /srv, /mnt,
 * /data, …). A volume brings such a directory in where that is wanted.
 */
const TAKEN_IN = [
  'bin',
  'etc',
  'gnu',
  'lib',
  'lib32',
  'lib64',
  'libexec',
  'libx32',
  'nix',
  'opt',
  'sbin',
  'snap',
  'usr',
  'var',
];

/** True for a top-level name of the host that is part of the image `host`. */
export function isTakenIn(name: string): boolean {
  return TAKEN_IN.includes(name);
}

/** Directories that a program run by root in the container expects to be able to write. */
const WRITABLE = ['/etc', '/opt', '/usr/local', '/var', '/var/cache', '/var/lib', '/var/log', '/var/spool', '/var/tmp'];

export interface HostRoot {
  /** Top-level directories that an overlay can take as its lower layer. */
  readonly directories: readonly string[];
  /** Top-level directories with other file systems below them: overlayfs refuses those. */
  readonly binds: readonly string[];
  /** Top-level links and their targets. */
  readonly links: Readonly<Record<string, string>>;
}

/** Reads the host's top level and its mount table. Entries that cannot be read are left out. */
export function readHostRoot(): HostRoot {
  const mountPoints = readMountPoints();
  const entries = readdirSync('/').filter(isTakenIn);
  const kinds = entries.map((name) => ({ path: `/${name}`, stats: lstatSync(`/${name}`) }));
  const directories = kinds
    .filter(({ stats }) => stats.isDirectory() && (stats.mode & 0o005) === 0o005)
    .map(({ path }) => path);
  const hasMountsBelow = (path: string): boolean => mountPoints.some((point) => point.startsWith(`${path}/`));
  return {
    directories: directories.filter((path) => !hasMountsBelow(path)),
    binds: directories.filter(hasMountsBelow),
    links: Object.fromEntries(
      kinds.filter(({ stats }) => stats.isSymbolicLink()).map(({ path }) => [path, readlinkSync(path)]),
    ),
  };
}

/**
 * Directories made empty in the upper layer: an overlay shows the upper directory's owner, so the container's root may add
 * files there, where the host's directory belongs to an id that it has not.
 */
export function upperSkeleton(directories: readonly string[]): string[] {
  return WRITABLE.filter((path) => directories.some((top) => path === top || path.startsWith(`${top}/`)));
}

function readMountPoints(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path !== '');
}
