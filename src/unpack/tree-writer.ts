/**
 * Makes the entries of a layer below `/`, which is the layer's own directory; unpack program, chrooted, as root of the
 * user namespace, with umask 0. Order for each entry: content, owner, mode, attributes, times: each undoes what comes later.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  openSync,
  chmodSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { invalidArchive } from '../archive/failure.ts';
import { formatKeptOwner, KEPT_OWNER } from '../archive/kept-owner.ts';
import type { Attribute, EntrySink, TarEntry } from '../archive/tar/entry.ts';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import type { LooseEnds, UnpackedLayer, UnpackRequest } from '../images/layer/unpack-protocol.ts';
import type { FileCalls } from '../syscall/files.ts';
import { isKept, OPAQUE, OPAQUE_WHITEOUT } from '../archive/layer-attributes.ts';
import { cleanName, joinName, parentOf, pathOf, whiteoutOf, type Whiteout } from './entry-name.ts';
import { entryFailure, unmappedId } from './failure.ts';
import { createLooseEnds } from './loose-ends.ts';
import { createBeside, IN_ITS_PLACE } from './making-site.ts';
import { createOpenDirectories, type DirectoryMetadata } from './open-directories.ts';

export interface TreeWriter extends EntrySink {
  /** After an error: takes away the file that was being written. */
  abandon(): void;
  /** Sets what was left for the end, and counts. */
  finish(): Counts & Pick<UnpackedLayer, 'isOpaque'> & { readonly loose: LooseEnds };
}

type Counts = Pick<
  UnpackedLayer,
  'entries' | 'unpackedBytes' | 'skippedDevices' | 'skippedAttributes' | 'squashedIds' | 'lostOwners'
>;

/** How a file that is there is given away, and given an attribute: by its path or its descriptor. */
interface Dresser {
  readonly own: (uid: number, gid: number) => void;
  readonly set: (name: string, value: Buffer) => void;
}

type Owned = Pick<TarEntry, 'uid' | 'gid' | 'mode'>;

/** The file that is being written. */
interface OpenFile {
  readonly fd: number;
  readonly name: string;
  readonly entry: TarEntry;
  /** Where the last write ended. */
  end: number;
  /** The kernel's file offset; pwrite(2) does not move it. */
  offset: number;
}

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY, S_IFCHR, S_IFIFO } = constants;
const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
/** chown(2) takes the number above this as "leave it". */
const HIGHEST_ID = 0xffff_fffe;
const SPECIAL_BITS = 0o7000;
const SET_ID_BITS = 0o6000;
/** What the kernel itself shows for an id without a counterpart. Source: user_namespaces(7). */
const NOBODY = 65_534;

/**
 * A writer that keeps within `request.limits`; every error names its entry. `isLayer` false is for files that go among others: no name is a
 * whiteout, a directory that is there keeps what it is and never gives way to a file, and any other file gives way only to one that is whole.
 */
export function createTreeWriter(
  calls: FileCalls,
  request: Pick<UnpackRequest, 'limits' | 'squash' | 'squashUnmapped'>,
  isLayer = true,
): TreeWriter {
  const { limits, squash, squashUnmapped } = request;
  const counts = {
    entries: 0,
    unpackedBytes: 0,
    skippedDevices: 0,
    skippedAttributes: 0,
    squashedIds: 0,
    lostOwners: 0,
  };
  let file: OpenFile | undefined;
  let current = '';
  let isOpaque = false;

  const begin = (entry: TarEntry): void => {
    count(entry);
    const name = cleanName(entry.name, limits);
    const whiteout = isLayer ? whiteoutOf(name) : undefined;
    if (whiteout !== undefined) applyWhiteout(whiteout, entry.mtime);
    else if (name === '') adoptRoot(entry);
    else make(entry.type === 'device' ? name : directories.enter(name), entry);
  };

  const count = (entry: TarEntry): void => {
    counts.entries += 1;
    counts.unpackedBytes += entry.sizeBytes;
    if (counts.entries > limits.entries) throw invalidArchive(`holds more than ${String(limits.entries)} entries`);
    if (counts.unpackedBytes > limits.sizeBytes)
      throw invalidArchive(`holds more than ${String(limits.sizeBytes)} bytes`);
  };

  const adoptRoot = (entry: TarEntry): void => {
    if (entry.type !== 'directory')
      throw invalidArchive(`is a ${entry.type} in the place of the root directory`, entry.name);
    if (isLayer) directories.open('', entry);
  };

  const make = (name: string, entry: TarEntry): void => {
    switch (entry.type) {
      case 'file':
        file = openFile(site.begin(name), entry);
        break;
      case 'directory':
        loose.dropDirectory(name);
        loose.dropLink(name);
        directories.open(name, entry);
        break;
      case 'symlink':
        makeSymlink(site.begin(name), entry);
        site.end();
        break;
      case 'hardlink':
        makeLink(name, cleanName(entry.linkName, limits));
        break;
      case 'fifo':
        makeFifo(site.begin(name), entry);
        site.end();
        break;
      case 'device':
        counts.skippedDevices += 1;
    }
  };

  const openFile = (name: string, entry: TarEntry): OpenFile => {
    const fd = create(name, () => openSync(pathOf(name), NEW_FILE, entry.mode & 0o777));
    return { fd, name, entry, end: 0, offset: 0 };
  };

  const makeSymlink = (name: string, entry: TarEntry): void => {
    if (entry.linkName.includes('\0')) throw invalidArchive('has a NUL in its target', entry.name);
    create(name, () => symlinkSync(bytesOf(entry.linkName), pathOf(name)));
    dressPath(name, entry);
  };

  const makeFifo = (name: string, entry: TarEntry): void => {
    create(name, () => calls.mknod(`/${name}`, S_IFIFO | (entry.mode & 0o777), 0));
    if ((dressPath(name, entry) & SPECIAL_BITS) !== 0) chmodSync(pathOf(name), entry.mode);
  };

  /** Runs `work`, which makes `name`; an older entry that stands in its way is removed. */
  const create = <T>(name: string, work: () => T): T => {
    loose.dropLink(name);
    try {
      return work();
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      loose.dropDirectory(name);
      if (isDirectory(pathOf(name))) directories.forget(name);
      rmSync(pathOf(name), { recursive: true });
      return work();
    }
  };

  /** A target that is not here may be in a layer below: what it is then is decided when that is known. */
  const makeLink = (name: string, target: string): void => {
    if (target === name && isThere(pathOf(name))) return;
    const at = site.begin(name);
    try {
      create(at, () => linkSync(pathOf(target), pathOf(at)));
      site.end();
    } catch (error) {
      if (!isLayer || !['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
      loose.addLink(name, target);
    }
  };

  const applyWhiteout = (whiteout: Whiteout, mtime: TarEntry['mtime']): void => {
    if (whiteout.kind === 'name') hide(directories.enter(whiteout.hidden), mtime);
    else if (whiteout.kind === 'opaque')
      setOpaque(parentOf(directories.enter(joinName(whiteout.directory, OPAQUE_WHITEOUT))));
  };

  /** A whiteout is a character device 0:0, which everybody may make. What this same layer brings under the name stays. */
  const hide = (name: string, mtime: TarEntry['mtime']): void => {
    try {
      calls.mknod(`/${name}`, S_IFCHR, 0);
      calls.lutimens(`/${name}`, mtime);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      if (isDirectory(pathOf(name))) replaceBelow(name);
    }
  };

  /** Nothing of a directory shows through that lies below the directory `name`. */
  const replaceBelow = (name: string): void => {
    loose.dropDirectory(name);
    setOpaque(name);
  };

  /** Overlay file systems do not look for the mark at the root: there it is left to who stacks the layers. */
  const setOpaque = (name: string): void => {
    if (name === '') {
      isOpaque = true;
      return;
    }
    try {
      calls.lsetxattr(`/${name}`, OPAQUE.name, OPAQUE.value);
    } catch (cause) {
      if (errnoOf(cause) !== 'EOPNOTSUPP') throw cause;
      throw new HutchError('the file system of the store takes no user.* extended attributes, which layers need', {
        code: 'HOST_FEATURE_MISSING',
        hint: 'set HUTCH_DATA to a directory on ext4, xfs or btrfs',
        cause,
      });
    }
  };

  /** Gives an entry to its owner. @returns the mode that it may have then */
  const owner = (entry: Owned, { own: change, set }: Dresser): number => {
    const { uid, gid, mode } = entry;
    if (uid === 0 && gid === 0) return mode;
    if (squash) {
      if (isLayer && !isTaken(() => set(KEPT_OWNER, formatKeptOwner(entry)))) counts.lostOwners += 1;
      return mode;
    }
    if (isId(uid) && isId(gid) && isMapped(() => change(uid, gid))) return mode;
    // Which of the two it was shows when one is tried alone.
    const hasUid = isId(uid) && isMapped(() => change(uid, 0));
    const hasGid = isId(gid) && isMapped(() => change(0, gid));
    if (!squashUnmapped) throw hasUid ? unmappedId(current, 'gid', gid) : unmappedId(current, 'uid', uid);
    counts.squashedIds += 1;
    change(hasUid ? uid : NOBODY, hasGid ? gid : NOBODY);
    return mode & ~SET_ID_BITS;
  };

  const setAttributes = (attributes: readonly Attribute[], { set }: Dresser): void => {
    for (const { name, value } of attributes) {
      if (!isKept(name) || !isTaken(() => set(name, value))) counts.skippedAttributes += 1;
    }
  };

  const dressPath = (name: string, entry: TarEntry): number => {
    const dresser: Dresser = {
      own: (uid, gid) => lchownSync(pathOf(name), uid, gid),
      set: (key, value) => calls.lsetxattr(`/${name}`, key, value),
    };
    const mode = owner(entry, dresser);
    setAttributes(entry.attributes, dresser);
    calls.lutimens(`/${name}`, entry.mtime);
    return mode;
  };

  const dresserOf = (fd: number): Dresser => ({
    own: (uid, gid) => fchownSync(fd, uid, gid),
    set: (key, value) => calls.fsetxattr(fd, key, value),
  });

  const endFile = (): void => {
    if (file === undefined) return;
    const { fd, entry, end } = file;
    file = undefined;
    if (end < entry.sizeBytes) ftruncateSync(fd, entry.sizeBytes);
    const dresser = dresserOf(fd);
    const mode = owner(entry, dresser);
    if ((mode & SPECIAL_BITS) !== 0) fchmodSync(fd, mode);
    if (entry.attributes.length > 0) setAttributes(entry.attributes, dresser);
    calls.futimens(fd, entry.mtime);
    closeSync(fd);
    site.end();
  };

  const dressDirectory = (name: string, directory: DirectoryMetadata): void => {
    const fd = openSync(pathOf(name), OPEN_DIRECTORY);
    const dresser = dresserOf(fd);
    // fuse-overlayfs would take the attribute at the root of a layer as a sign to show owners that are not mapped.
    const mode = squash && name === '' ? directory.mode : owner(directory, dresser);
    fchmodSync(fd, mode);
    setAttributes(directory.attributes, dresser);
    calls.futimens(fd, directory.mtime);
    closeSync(fd);
  };

  /** Names the entry at work in whatever goes wrong. */
  const named = (name: string, work: () => void): void => {
    const before = current;
    current = name;
    try {
      work();
    } catch (error) {
      throw entryFailure(name, error);
    }
    current = before;
  };

  const site = isLayer ? IN_ITS_PLACE : createBeside();
  const loose = createLooseEnds(limits.looseBytes);
  const directories = createOpenDirectories(calls, {
    dress: (name, metadata) => named(name, () => dressDirectory(name, metadata)),
    onImplicit: (name) => loose.addDirectory(name),
    onReplaced: setOpaque,
    isLayer,
  });

  return {
    begin(entry) {
      current = entry.name;
      try {
        begin(entry);
      } catch (error) {
        throw entryFailure(entry.name, error);
      }
    },
    write(chunk, start, end, position) {
      if (file === undefined) return;
      try {
        writeAll(file, chunk.subarray(start, end), position);
      } catch (error) {
        throw entryFailure(current, error);
      }
    },
    end: () => named(current, endFile),
    abandon() {
      site.abandon();
      if (file === undefined) return;
      if (isFileAt(file.fd, pathOf(file.name))) unlinkSync(pathOf(file.name));
      closeSync(file.fd);
      file = undefined;
    },
    finish() {
      directories.finish();
      return { ...counts, isOpaque, loose: loose.list() };
    },
  };
}

/** Writes `bytes` at `position`: at the kernel's own offset where that is the place, which is one step cheaper. */
function writeAll(file: OpenFile, bytes: Buffer, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    const isNext = file.offset === position + done;
    const count = writeSync(file.fd, bytes, done, bytes.length - done, isNext ? null : position + done);
    if (isNext) file.offset += count;
    done += count;
  }
  file.end = position + done;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function isThere(path: string | Buffer): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isDirectory(path: string | Buffer): boolean {
  return lstatSync(path).isDirectory();
}

/** Others may have put something else in its place meanwhile. */
function isFileAt(fd: number, path: string | Buffer): boolean {
  const [open, there] = [fstatSync(fd), lstatSync(path, { throwIfNoEntry: false })];
  return there?.ino === open.ino && there.dev === open.dev;
}

function isId(id: number): boolean {
  return id >= 0 && id <= HIGHEST_ID;
}

/** False when chown(2) answers what it does for an id without a counterpart. */
function isMapped(change: () => void): boolean {
  try {
    change();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EINVAL') return false;
    throw error;
  }
}

/** False when the file system has no such attributes, or none for this kind of file (xattr(7): user.* on symbolic links). */
function isTaken(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EOPNOTSUPP' || errnoOf(error) === 'EPERM') return false;
    throw error;
  }
}
