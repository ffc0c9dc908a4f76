/** Entries of a tree on their way into a tar archive; pack program, chrooted into the store. */
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { KEPT_OWNER, parseKeptOwner, type Owner } from '../archive/kept-owner.ts';
import { isKept } from '../archive/layer-attributes.ts';
import type { Attribute, EntryType, TarEntry } from '../archive/tar/entry.ts';
import { TAR_END, tarHeader, tarPadding } from '../archive/tar/writer.ts';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import type { PackRequest } from '../images/layer/pack-protocol.ts';
import type { FileCalls } from '../syscall/files.ts';
import type { ByteOutput } from './byte-output.ts';
import { reach } from './confined-path.ts';
import { attributeNames, attributeValue, bytesOf, isGone, linkTarget } from './merged-directory.ts';

export interface ArchiveOutput {
  /** Adds the file `from` as `name`; false for what archives do not hold (sockets, device nodes), null when it is gone meanwhile. */
  add(name: string, from: { readonly path: string; readonly stats: BigIntStats }): boolean | null;
  /** Adds an empty file: a whiteout. */
  addEmpty(name: string): void;
  finish(): void;
}

interface Written {
  readonly type: EntryType;
  readonly path: string;
  readonly stats: BigIntStats;
  readonly target: string;
  /** The name of the same file that was written before. */
  readonly first: string | undefined;
  /** Its content, if it has one to be written. */
  readonly fd?: number;
}

const READ_BYTES = 1 << 18;
/** Not through a link that a container puts there meanwhile, and without waiting for a pipe's other end. */
const READ_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const EPOCH = { seconds: 0, nanoseconds: 0 };
const NS = 1_000_000_000n;

/** Writes to `output`. The second name of a file becomes a hard link to the first. */
export function createArchiveOutput(
  output: ByteOutput,
  calls: FileCalls,
  { hasKeptOwners, isLive }: Pick<PackRequest, 'hasKeptOwners' | 'isLive'>,
): ArchiveOutput {
  const firstNames = new Map<string, string>();
  const buffer = Buffer.allocUnsafe(READ_BYTES);

  const firstName = (name: string, stats: BigIntStats): string | undefined => {
    if (stats.nlink < 2n || stats.isDirectory()) return undefined;
    const inode = `${String(stats.dev)}:${String(stats.ino)}`;
    const first = firstNames.get(inode);
    if (first === undefined) firstNames.set(inode, name);
    return first;
  };

  const copyContent = (fd: number, path: string, sizeBytes: number): void => {
    for (let left = sizeBytes; left > 0;) {
      let count = readSync(fd, buffer, 0, Math.min(left, buffer.length), null);
      if (count === 0) {
        if (!isLive) throw changedMeanwhile(path);
        // It has become shorter since its length was written: as tar(1), zeros fill the place.
        count = Math.min(left, buffer.length);
        buffer.fill(0, 0, count);
      }
      output.write(buffer.subarray(0, count));
      left -= count;
    }
  };

  /** The file at `path` for reading; undefined when something else is there by now. */
  const openContent = (path: string): number | undefined => {
    try {
      const fd = openSync(bytesOf(reach(path)), READ_FILE);
      if (fstatSync(fd).isFile()) return fd;
      closeSync(fd);
    } catch (error) {
      if (!isGone(error) && errnoOf(error) !== 'ENXIO') throw error;
    }
    if (isLive) return undefined;
    throw changedMeanwhile(path);
  };

  const write = (name: string, entry: Written): void => {
    const { type, path, stats, fd, target, first } = entry;
    const sizeBytes = fd === undefined ? 0 : Number(stats.size);
    output.write(
      tarHeader({
        ...metadataOf(stats),
        ...(hasKeptOwners ? keptOwnerOf(path, stats, calls) : undefined),
        type: first === undefined ? type : 'hardlink',
        name: type === 'directory' ? `${name}/` : name,
        linkName: first ?? target,
        sizeBytes,
        attributes: first === undefined ? attributesOf(path, calls) : [],
      }),
    );
    if (fd !== undefined) copyContent(fd, path, sizeBytes);
    output.write(tarPadding(sizeBytes));
  };

  return {
    add(name, { path, stats }) {
      const type = typeOf(stats);
      if (type === undefined) return false;
      const target = type === 'symlink' ? linkTarget(path) : '';
      if (target === undefined) return null;
      const first = firstName(name, stats);
      if (type !== 'file' || first !== undefined) {
        write(name, { type, path, stats, target, first });
        return true;
      }
      const fd = openContent(path);
      if (fd === undefined) return null;
      try {
        // The header must tell of what is read.
        write(name, { type, path, stats: isLive ? fstatSync(fd, { bigint: true }) : stats, target, first, fd });
      } finally {
        closeSync(fd);
      }
      return true;
    },
    addEmpty(name) {
      output.write(
        tarHeader({
          type: 'file',
          name,
          linkName: '',
          mode: 0,
          uid: 0,
          gid: 0,
          mtime: EPOCH,
          sizeBytes: 0,
          attributes: [],
        }),
      );
    },
    finish() {
      output.write(TAR_END);
      output.flush();
    },
  };
}

function typeOf(stats: BigIntStats): EntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  return stats.isFIFO() ? 'fifo' : undefined;
}

function metadataOf({ mode, uid, gid, mtimeNs }: BigIntStats): Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime'> {
  const nanoseconds = ((mtimeNs % NS) + NS) % NS;
  return {
    mode: Number(mode & 0o7777n),
    uid: Number(uid),
    gid: Number(gid),
    mtime: { seconds: Number((mtimeNs - nanoseconds) / NS), nanoseconds: Number(nanoseconds) },
  };
}

/** Only these two types can have the attribute. Source: xattr(7). */
function keptOwnerOf(path: string, stats: BigIntStats, calls: FileCalls): Owner | undefined {
  if (!stats.isFile() && !stats.isDirectory()) return undefined;
  if (!attributeNames(path, calls).includes(KEPT_OWNER)) return undefined;
  return parseKeptOwner(attributeValue(path, KEPT_OWNER, calls));
}

function attributesOf(path: string, calls: FileCalls): Attribute[] {
  return attributeNames(path, calls)
    .filter(isKept)
    .map((name) => ({ name, value: attributeValue(path, name, calls) }));
}

function changedMeanwhile(path: string): HutchError {
  return new HutchError(`${bytesOf(path).toString('utf8')} changed while it was read`, {
    code: 'CONTAINER_RUNNING',
    hint: 'stop what writes to the container, then repeat',
  });
}
