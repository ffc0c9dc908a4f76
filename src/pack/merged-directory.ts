/** Directories that lie on top of each other, seen as overlayfs shows them; pack program, chrooted into the store. */
import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { OPAQUE_NAMES, OPAQUE_WHITEOUT, WHITEOUT_PREFIX } from '../archive/layer-attributes.ts';
import { errnoOf } from '../errors/hutch-error.ts';
import type { FileCalls } from '../syscall/files.ts';
import { reach, reachInto } from './confined-path.ts';

/** What a name means in a stack of directories. Paths are bytes in latin1 strings. */
export interface Found {
  readonly path: string;
  readonly stats: BigIntStats;
  /** For a directory: all that make it up, top first. */
  readonly directories: readonly string[];
}

/** The entry `name` of `directories`, top first; undefined when there is none or a whiteout hides it. */
export function findIn(directories: readonly string[], name: string, calls: FileCalls): Found | undefined {
  let top: { path: string; stats: BigIntStats } | undefined;
  const stack: string[] = [];
  for (const directory of directories) {
    const path = `${directory}/${name}`;
    const stats = statOf(path);
    if (stats === undefined) continue;
    if (isWhiteout(stats)) break;
    if (!stats.isDirectory()) {
      if (top === undefined) return { path, stats, directories: [] };
      break;
    }
    top ??= { path, stats };
    stack.push(path);
    if (isOpaque(path, calls)) break;
  }
  return top === undefined ? undefined : { ...top, directories: stack };
}

/** All entries of `directories`, by name, in the order of their bytes. */
export function listIn(directories: readonly string[], calls: FileCalls): [name: string, found: Found][] {
  const seen = new Set<string>();
  const entries: [string, Found][] = [];
  for (const [at, directory] of directories.entries()) {
    const names = namesIn(directory);
    for (const name of names) {
      if (seen.has(name) || name.startsWith(WHITEOUT_PREFIX)) continue;
      seen.add(name);
      const found = findIn(directories.slice(at), name, calls);
      if (found !== undefined) entries.push([name, found]);
    }
    for (const name of names) if (name.startsWith(WHITEOUT_PREFIX)) seen.add(name.slice(WHITEOUT_PREFIX.length));
  }
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

export function namesIn(directory: string): string[] {
  try {
    return readdirSync(bytesOf(reachInto(directory)), { encoding: 'latin1' });
  } catch (error) {
    // A running container may have taken it away since it was seen.
    if (isGone(error)) return [];
    throw error;
  }
}

/** lstat(2), with times to the nanosecond; undefined when there is nothing. */
export function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(bytesOf(reach(path)), { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** There is nothing at a path, or a link on the way where a directory was. */
export function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '');
}

/** The mark of overlay file systems for "not here any more": character device 0:0. */
export function isWhiteout(stats: BigIntStats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0n;
}

/** True for a directory that hides those below it, in the way of either overlay driver. */
export function isOpaque(path: string, calls: FileCalls): boolean {
  const marked = attributeNames(path, calls).some(
    (name) =>
      (OPAQUE_NAMES as readonly string[]).includes(name) && attributeValue(path, name, calls).toString() === 'y',
  );
  return marked || statOf(`${path}/${OPAQUE_WHITEOUT}`) !== undefined;
}

/** Names of the extended attributes; none where the file system has none. */
export function attributeNames(path: string, calls: FileCalls): string[] {
  try {
    return calls
      .llistxattr(reach(path))
      .split('\0')
      .filter((name) => name !== '')
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'EOPNOTSUPP' || isGone(error)) return [];
    throw error;
  }
}

/** Empty when it is gone again. */
export function attributeValue(path: string, name: string, calls: FileCalls): Buffer {
  try {
    return calls.lgetxattr(reach(path), name);
  } catch (error) {
    if (errnoOf(error) === 'ENODATA' || isGone(error)) return Buffer.alloc(0);
    throw error;
  }
}

/** Where the symbolic link at `path` leads to; undefined when there is none any more. */
export function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(bytesOf(reach(path)), 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'EINVAL' || isGone(error)) return undefined;
    throw error;
  }
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
