/**
 * The directories into which entries were put lately. One gets its owner, mode and time when nothing has come into it for long, and once more should
 * something come after all; so what is kept does not grow with the layer. Unpack program, chrooted.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, realpathSync, rmSync, statSync, type BigIntStats } from 'node:fs';
import { invalidArchive } from '../archive/failure.ts';
import { KEPT_OWNER } from '../archive/kept-owner.ts';
import { isKept } from '../archive/layer-attributes.ts';
import type { TarEntry } from '../archive/tar/entry.ts';
import { errnoOf } from '../errors/hutch-error.ts';
import type { FileCalls } from '../syscall/files.ts';
import { CORRECT_IT } from './failure.ts';
import { baseOf, joinName, parentOf, pathOf } from './entry-name.ts';

export type DirectoryMetadata = Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'attributes'>;

export interface DirectoryEvents {
  /** Gives a directory what it shall have in the end. */
  dress(name: string, metadata: DirectoryMetadata): void;
  /** A directory was made on the way to an entry, in the place of nothing. */
  onImplicit(name: string): void;
  /** A directory was made in the place of something else of this layer, which hid what lies below. */
  onReplaced(name: string): void;
  /** False: what is there belongs to others. A directory keeps what it is, and nothing gives way to one. */
  readonly isLayer: boolean;
}

export interface OpenDirectories {
  /**
   * Opens the directory that `name` lies in, as links in the layer lead; makes what is missing. Returns `name` without links on its way.
   * ARCHIVE_INVALID when a link leads to no directory.
   */
  enter(name: string): string;
  /** Makes the directory `name`, after enter(), or takes it over, and opens it: `metadata` is for the end. `''` is the root. */
  open(name: string, metadata: DirectoryMetadata): void;
  /** `name` is gone with all that was below it. */
  forget(name: string): void;
  /** Gives all what they shall have. */
  finish(): void;
}

interface OpenDirectory {
  /** What it gets in the end; null where it has it already, once its time is `mtime` again. */
  readonly metadata: DirectoryMetadata | null;
  readonly mtime: TarEntry['mtime'] | null;
}

/** Of what is kept about open directories, roughly: thousands of common ones. */
const MOST_BYTES = 1 << 20;
const OVERHEAD_BYTES = 256;
const AS_MADE: OpenDirectory = { metadata: null, mtime: null };
const DEFAULT_ACL = 'system.posix_acl_default';
const SET_GID = 0o2000n;
const NS = 1_000_000_000n;

export function createOpenDirectories(calls: FileCalls, events: DirectoryEvents): OpenDirectories {
  /** By name without links; what was used last comes last. */
  const opened = new Map<string, OpenDirectory>();
  let root = AS_MADE;
  let bytes = 0;
  /** Where the last entry lies; null when that is no longer open. */
  let latest: string | null = '';

  const enter = (name: string): string => {
    const parent = parentOf(name);
    if (parent === latest) return name;
    const real = openAll(parent, name);
    latest = real;
    return real === parent ? name : joinName(real, baseOf(name));
  };

  /** Opens the directory `path`; where that really is. */
  const openAll = (path: string, entry: string): string => {
    const known = opened.get(path);
    if (known !== undefined) {
      opened.delete(path);
      opened.set(path, known);
    }
    if (path === '' || known !== undefined) return path;
    const name = joinName(openAll(parentOf(path), entry), baseOf(path));
    // It may be open by its real name.
    if (name !== path && opened.has(name)) return name;
    const target = openOnTheWay(name, entry);
    return target === undefined ? name : openAll(target, entry);
  };

  const keep = (name: string, directory: OpenDirectory): void => {
    // A copy: a part of a string would keep the whole alive.
    opened.set(Buffer.from(name, 'latin1').toString('latin1'), directory);
    bytes += costOf(name, directory);
    for (const [oldest, left] of opened) {
      if (bytes <= MOST_BYTES || oldest === name) break;
      drop(oldest, left);
      leave(oldest, left);
    }
  };

  const drop = (name: string, directory: OpenDirectory): void => {
    opened.delete(name);
    bytes -= costOf(name, directory);
    if (latest === name) latest = null;
  };

  const leave = (name: string, { metadata, mtime }: OpenDirectory): void => {
    if (metadata !== null) events.dress(name, metadata);
    else if (mtime !== null) calls.lutimens(`/${name}`, mtime);
  };

  /** Opens `name` and returns undefined; or, where it is a link, the directory that it leads to. */
  const openOnTheWay = (name: string, entry: string): string | undefined => {
    const stats = makeUnlessThere(name, 0o755);
    if (stats?.isSymbolicLink() === true) return realDirectory(name, entry);
    if (stats?.isDirectory() === true) {
      keep(name, events.isLayer ? reopened(name, stats) : AS_MADE);
      return undefined;
    }
    if (stats !== undefined) refuseToReplace(name);
    if (stats === undefined) {
      events.onImplicit(name);
    } else {
      rmSync(pathOf(name));
      mkdirSync(pathOf(name), { mode: 0o755 });
      events.onReplaced(name);
    }
    keep(name, AS_MADE);
    return undefined;
  };

  const refuseToReplace = (name: string): void => {
    if (!events.isLayer)
      throw invalidArchive('is a directory, but there is something else in its place', name, CORRECT_IT);
  };

  /** Makes the directory; where there is something already, what that is. */
  const makeUnlessThere = (name: string, mode: number): BigIntStats | undefined => {
    try {
      mkdirSync(pathOf(name), { mode });
      return undefined;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      return lstatSync(pathOf(name), { bigint: true });
    }
  };

  /** A directory that was left before: its time must be set again, and what it would hand on to new entries taken away meanwhile. */
  const reopened = (name: string, stats: BigIntStats): OpenDirectory => {
    const acl = defaultAclOf(name);
    const mtime = timeOf(stats.mtimeNs);
    if (acl === undefined && stats.gid === 0n && (stats.mode & SET_GID) === 0n) return { metadata: null, mtime };
    makePrivate(name);
    const [mode, uid, gid] = [Number(stats.mode & 0o7777n), Number(stats.uid), Number(stats.gid)];
    const attributes = acl === undefined ? [] : [{ name: DEFAULT_ACL, value: acl }];
    return { metadata: { mode, uid, gid, mtime, attributes }, mtime };
  };

  const defaultAclOf = (name: string): Buffer | undefined => {
    try {
      return calls.lgetxattr(`/${name}`, DEFAULT_ACL);
    } catch (error) {
      if (['ENODATA', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    }
  };

  /** A default ACL, a group and a setgid bit of its own would rub off on what comes into it. */
  const makePrivate = (name: string): void => {
    const path = pathOf(name);
    if (defaultAclOf(name) !== undefined) calls.lremovexattr(`/${name}`, DEFAULT_ACL);
    chownSync(path, 0, 0);
    chmodSync(path, 0o700);
  };

  /** Takes away the attributes that an earlier entry has given. */
  const strip = (name: string): void => {
    for (const key of attributesOf(name)) if (isKept(key) || key === KEPT_OWNER) calls.lremovexattr(`/${name}`, key);
  };

  const attributesOf = (name: string): string[] => {
    try {
      return calls.llistxattr(`/${name}`).split('\0');
    } catch (error) {
      if (errnoOf(error) === 'EOPNOTSUPP') return [];
      throw error;
    }
  };

  const open = (name: string, metadata: DirectoryMetadata): void => {
    const directory = { metadata, mtime: null };
    if (name === '') {
      root = directory;
      return;
    }
    const known = opened.get(name);
    const isPrivate = known !== undefined && known.metadata !== null;
    const stats = isPrivate ? undefined : makeUnlessThere(name, 0o700);
    if (stats !== undefined && !events.isLayer) {
      if (!stats.isDirectory() && !isDirectoryBehind(name)) refuseToReplace(name);
      return;
    }
    if (known !== undefined) drop(name, known);
    if (stats?.isDirectory() === true) {
      strip(name);
      makePrivate(name);
    } else if (stats !== undefined) {
      rmSync(pathOf(name));
      mkdirSync(pathOf(name), { mode: 0o700 });
      events.onReplaced(name);
    }
    keep(name, directory);
  };

  return {
    enter,
    open,
    forget(name) {
      for (const [gone, directory] of opened) if (isWithin(gone, name)) drop(gone, directory);
    },
    finish() {
      for (const [name, directory] of opened) leave(name, directory);
      leave('', root);
    },
  };
}

function costOf(name: string, { metadata }: OpenDirectory): number {
  const attributes = metadata?.attributes ?? [];
  return attributes.reduce(
    (sum, { value }) => sum + value.length,
    OVERHEAD_BYTES * (1 + attributes.length) + name.length,
  );
}

function isWithin(path: string, directory: string): boolean {
  return path.startsWith(directory) && (path.length === directory.length || path[directory.length] === '/');
}

/** Whether `name` is a link to a directory. Inside the chroot it leads nowhere else. */
function isDirectoryBehind(name: string): boolean {
  const real = realPathOf(name);
  return real !== undefined && statSync(pathOf(real)).isDirectory();
}

/** Where the link `name` leads to. Inside the chroot it leads nowhere else. */
function realDirectory(name: string, entry: string): string {
  const real = realPathOf(name);
  if (real !== undefined && statSync(pathOf(real)).isDirectory()) return real;
  throw invalidArchive(`lies below a symbolic link that leads to no directory`, entry);
}

function realPathOf(name: string): string | undefined {
  try {
    return realpathSync.native(pathOf(name), { encoding: 'buffer' }).toString('latin1').replace(/^\/+/u, '');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

function timeOf(ns: bigint): TarEntry['mtime'] {
  const nanoseconds = ((ns % NS) + NS) % NS;
  return { seconds: Number((ns - nanoseconds) / NS), nanoseconds: Number(nanoseconds) };
}
