/** Entries of a tree on their way into a tar archive; pack program, chrooted into the store. */
import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, type BigIntStats } from 'node:fs';
import { KEPT_OWNER, parseKeptOwner, type Owner } from '../archive/kept-owner.ts';
import { isKept } from '../archive/layer-attributes.ts';
import type { Attribute, EntryType, TarEntry } from '../archive/tar/entry.ts';
import { TAR_END, tarHeader, tarPadding } from '../archive/tar/writer.ts';
import { HutchError } from '../errors/hutch-error.ts';
import type { PackRequest } from '../images/layer/pack-protocol.ts';
import type { FileCalls } from '../syscall/files.ts';
import type { ByteOutput } from './byte-output.ts';
import { attributeNames, bytesOf } from './merged-directory.ts';

export interface ArchiveOutput {
  /** Adds the file `from` as `name`; false for what archives do not hold (sockets, device nodes). */
  add(name: string, from: { readonly path: string; readonly stats: BigIntStats }): boolean;
  /** Adds an empty file: a whiteout. */
  addEmpty(name: string): void;
  finish(): void;
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
  { hasKeptOwners }: Pick<PackRequest, 'hasKeptOwners'>,
): ArchiveOutput {
  const firstNames = new Map<string, string>();
  const buffer = Buffer.allocUnsafe(READ_BYTES);

  const linkTarget = (name: string, stats: BigIntStats): string | undefined => {
    if (stats.nlink < 2n || stats.isDirectory()) return undefined;
    const inode = `${String(stats.dev)}:${String(stats.ino)}`;
    const first = firstNames.get(inode);
    if (first === undefined) firstNames.set(inode, name);
    return first;
  };

  const copyContent = (path: string, sizeBytes: number): void => {
    const fd = openSync(bytesOf(path), READ_FILE);
    try {
      if (!fstatSync(fd).isFile()) throw changedMeanwhile(path);
      for (let left = sizeBytes; left > 0;) {
        const count = readSync(fd, buffer, 0, Math.min(left, buffer.length), null);
        if (count === 0) throw changedMeanwhile(path);
        output.write(buffer.subarray(0, count));
        left -= count;
      }
    } finally {
      closeSync(fd);
    }
  };

  return {
    add(name, { path, stats }) {
      const type = typeOf(stats);
      if (type === undefined) return false;
      const first = linkTarget(name, stats);
      const isContent = type === 'file' && first === undefined;
      const sizeBytes = isContent ? Number(stats.size) : 0;
      const target = type === 'symlink' ? readlinkSync(bytesOf(path), 'latin1') : '';
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
      if (isContent) copyContent(path, sizeBytes);
      output.write(tarPadding(sizeBytes));
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
  return parseKeptOwner(calls.lgetxattr(path, KEPT_OWNER));
}

function attributesOf(path: string, calls: FileCalls): Attribute[] {
  return attributeNames(path, calls)
    .filter(isKept)
    .map((name) => ({ name, value: calls.lgetxattr(path, name) }));
}

function changedMeanwhile(path: string): HutchError {
  return new HutchError(`${bytesOf(path).toString('utf8')} changed while it was read`, {
    code: 'CONTAINER_RUNNING',
    hint: 'stop what writes to the container, then repeat',
  });
}
