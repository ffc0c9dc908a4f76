/** Where the entries of a copy go: the rules of docker cp for what is there already; receive program. */
import { realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import type { EntrySink, TarEntry } from '../archive/tar/entry.ts';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import type { UnpackLimits } from '../images/layer/unpack-protocol.ts';
import type { ReceiveRequest } from '../protocol/copy.ts';
import type { FileCalls } from '../syscall/files.ts';
import { createTreeWriter } from './tree-writer.ts';

/** Set-user-id programs of the container's root would be the user's own on the host, for everybody who finds them. */
const SET_ID_BITS = 0o6000;

export const COPY_LIMITS: UnpackLimits = {
  entries: 20_000_000,
  sizeBytes: Number.MAX_SAFE_INTEGER,
  pathBytes: 4095,
  pathDepth: 1000,
  headerBytes: 2 ** 20,
  ratio: 1000,
  ratioFromBytes: 2 ** 30,
  looseBytes: 2 ** 25,
};

export interface Receiver extends EntrySink {
  /** After an error: takes away the file that came by halves. */
  abandon(): void;
  finish(): { readonly entries: number; readonly leftOut: number; readonly squashedIds: number };
}

/** The directory that entries are made below, and the name in it that takes the place of the archive's topmost one. */
interface Place {
  readonly base: string;
  /** Null: the archive's names stay; `''`: what is below the topmost one goes into `base` itself. */
  readonly top: string | null;
}

/** A sink that makes the entries. `confine` makes a directory the root of this process; it is called once, on the host only. */
export function createReceiver(request: ReceiveRequest, calls: FileCalls, confine: (path: string) => void): Receiver {
  const onHost = request.to.kind === 'host';
  const writer = createTreeWriter(
    calls,
    { limits: COPY_LIMITS, squash: !request.keepOwners, squashUnmapped: true },
    false,
  );
  let rename: ((name: string) => string) | undefined;
  const settle = (first: TarEntry): ((name: string) => string) => {
    const place = placeFor(request, first.type === 'directory');
    if (onHost) confine(place.base);
    return renamer(request, { ...place, base: onHost ? '/' : place.base });
  };
  return {
    begin(entry) {
      rename ??= settle(entry);
      writer.begin({
        ...entry,
        name: rename(entry.name),
        linkName: entry.type === 'hardlink' ? rename(entry.linkName) : entry.linkName,
        mode: onHost ? entry.mode & ~SET_ID_BITS : entry.mode,
      });
    },
    write: (chunk, start, end, position) => writer.write(chunk, start, end, position),
    end: () => writer.end(),
    abandon: () => writer.abandon(),
    finish: () => {
      const { entries, skippedDevices, squashedIds } = writer.finish();
      return { entries, leftOut: skippedDevices, squashedIds };
    },
  };
}

function renamer({ source }: ReceiveRequest, { base, top }: Place): (name: string) => string {
  const prefix = base === '/' ? '' : latin1(base.slice(1));
  const join = (...parts: string[]): string => [prefix, ...parts].filter((part) => part !== '').join('/');
  if (top === null) return (name) => join(name);
  const sent = latin1(source?.name ?? '.');
  return (name) => join(latin1(top), name.slice(sent.length + 1));
}

/** Names in archives are bytes in latin1 strings. */
function latin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Source: docker-container-cp(1). PATH_INVALID for what it calls an error. */
function placeFor({ source, path, needsDirectory }: ReceiveRequest, isDirectory: boolean): Place {
  const there = kindOf(path);
  if (source === undefined) {
    if (there !== 'directory')
      throw invalid(`${path} is no directory, and an archive goes into one`, 'make the directory first');
    return { base: path, top: null };
  }
  if (there === 'directory') return { base: path, top: source.name ?? '' };
  if (there === 'file') {
    if (isDirectory || needsDirectory)
      throw invalid(
        `${path} is no directory`,
        isDirectory ? 'a directory cannot be copied over a file: name another place' : 'leave out the slash at its end',
      );
    const real = realpathSync(path);
    return { base: posix.dirname(real), top: posix.basename(real) };
  }
  if (needsDirectory && !isDirectory)
    throw invalid(`there is no directory ${path}`, 'make it first, or leave out the slash at its end');
  const parent = posix.dirname(path);
  if (kindOf(parent) !== 'directory') throw invalid(`there is no directory ${parent}`, 'make it first');
  return { base: parent, top: posix.basename(path) };
}

function kindOf(path: string): 'file' | 'directory' | null {
  try {
    return statSync(path).isDirectory() ? 'directory' : 'file';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}

function invalid(message: string, hint: string): HutchError {
  return new HutchError(message, { code: 'PATH_INVALID', hint });
}
