/** The tree that fits a layer to those below it; make-seam program, chrooted into the store. */
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  type BigIntStats,
} from 'node:fs';
import { dirname } from 'node:path/posix';
import { danglingLink } from '../archive/failure.ts';
import { KEPT_OWNER } from '../archive/kept-owner.ts';
import { isKept } from '../archive/layer-attributes.ts';
import type { SeamRequest } from '../images/layer/seam-protocol.ts';
import type { LooseEnds } from '../images/layer/unpack-protocol.ts';
import type { FileCalls } from '../syscall/files.ts';
import { attributeNames, bytesOf, statOf } from './merged-directory.ts';
import { createStackView, type Seen } from './stack-view.ts';

type Source = Pick<Seen, 'path' | 'stats'>;

const NS = 1_000_000_000n;

/** Makes the tree at `request.into`, which appears only when it is whole. ARCHIVE_INVALID for a hard link to what is not there. */
export function writeSeam({ layer, below, into }: SeamRequest, loose: LooseEnds, calls: FileCalls): void {
  const half = `${into}.part`;
  rmSync(bytesOf(half), { recursive: true, force: true });
  mkdirSync(bytesOf(half), { recursive: true, mode: 0o700 });
  const view = createStackView(layer, below, calls);
  const implicit = new Set(loose.directories);
  const made = new Map<string, Source>();

  /** Makes the directory `name` with all above it; false where the layer has no such directory. */
  const make = (name: string): boolean => {
    if (name === '' || made.has(name)) return true;
    const { shown, lower } = view.look(name);
    if (shown?.stats.isDirectory() !== true || !make(parentOf(name))) return false;
    mkdirSync(bytesOf(`${half}/${name}`), { mode: 0o700 });
    made.set(name, implicit.has(name) && lower?.stats.isDirectory() === true ? lower : shown);
    return true;
  };

  const link = (name: string, target: string): void => {
    const source = view.look(target).shown;
    if (source === undefined || source.stats.isDirectory()) throw danglingLink(name, target);
    if (!make(parentOf(name)) || !make(parentOf(target))) throw danglingLink(name, target);
    const [from, to] = [`${half}/${target}`, `${half}/${name}`];
    if (statOf(from) === undefined) copy(source, from, calls);
    if (name !== target) linkSync(bytesOf(from), bytesOf(to));
  };

  for (const name of loose.directories) if (view.look(name).lower?.stats.isDirectory() === true) make(name);
  for (const [name, target] of loose.links) link(name, target);
  // What is made in a directory changes its time, so the inner ones come first.
  for (const [name, source] of [...made].reverse()) dress(`${half}/${name}`, source, calls);
  const root = statOf(layer);
  if (root !== undefined) dress(half, { path: layer, stats: root }, calls);
  renameSync(bytesOf(half), bytesOf(into));
}

/** A file with all that it has; of other kinds one more name of the same. */
function copy(source: Source, to: string, calls: FileCalls): void {
  if (!source.stats.isFile()) {
    linkSync(bytesOf(source.path), bytesOf(to));
    return;
  }
  copyFileSync(bytesOf(source.path), bytesOf(to), constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  dress(to, source, calls);
}

/** Owner, mode, attributes and time, in this order: each undoes what comes later. */
function dress(path: string, { path: from, stats }: Source, calls: FileCalls): void {
  lchownSync(bytesOf(path), Number(stats.uid), Number(stats.gid));
  chmodSync(bytesOf(path), Number(stats.mode & 0o7777n));
  for (const name of attributeNames(from, calls).filter((key) => isKept(key) || key === KEPT_OWNER))
    calls.lsetxattr(path, name, calls.lgetxattr(from, name));
  calls.lutimens(path, timeOf(stats));
}

function timeOf({ mtimeNs }: BigIntStats): { seconds: number; nanoseconds: number } {
  const nanoseconds = ((mtimeNs % NS) + NS) % NS;
  return { seconds: Number((mtimeNs - nanoseconds) / NS), nanoseconds: Number(nanoseconds) };
}

function parentOf(name: string): string {
  const parent = dirname(name);
  return parent === '.' ? '' : parent;
}
