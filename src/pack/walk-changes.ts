/** What a container has changed, found by walking through what it has written; pack program, chrooted into the store. */
import type { BigIntStats } from 'node:fs';
import { isKept, WHITEOUT_PREFIX } from '../archive/layer-attributes.ts';
import type { ChangeKind, ContainerTree, OwnEntry } from '../images/layer/pack-protocol.ts';
import type { FileCalls } from '../syscall/files.ts';
import {
  attributeNames,
  attributeValue,
  findIn,
  isOpaque,
  isWhiteout,
  linkTarget,
  listIn,
  namesIn,
  statOf,
  type Found,
} from './merged-directory.ts';

export interface Change {
  readonly kind: ChangeKind;
  /** In the container, with a leading slash. */
  readonly path: string;
  /** What is there now; null when it was deleted. */
  readonly now: { readonly path: string; readonly stats: BigIntStats } | null;
  /** A directory that hides all that the layers have below it. */
  readonly isOpaque: boolean;
  /** Deleted together with an opaque directory around it. */
  readonly isCovered: boolean;
}

/** A directory of the container, while it is walked through. */
interface Place {
  readonly path: string;
  readonly upper: string;
  readonly lower: readonly string[];
  /** What is not in `upper` is gone. */
  readonly isAlone: boolean;
  readonly isCovered: boolean;
}

interface Directory {
  readonly path: string;
  readonly from: string;
  readonly stats: BigIntStats;
  readonly before: Found | undefined;
  /** It is no change unless something below it is. */
  readonly isOwn?: true;
}

/**
 * Tells `visit` every change, parents before children, names in the order of their bytes. A directory is told with the first change below
 * it, at the latest, so that a layer made of it keeps its owner and mode. In a whole copy a file counts as unchanged when type, mode, owner,
 * size, time and attributes are; a directory's own time says nothing there, as copying changes it.
 */
export function walkChanges(tree: ContainerTree, calls: FileCalls, visit: (change: Change) => void): void {
  const { isWholeCopy } = tree;
  const mounted = new Set(tree.mounted);
  /** Unchanged directories around the place at work that were not told yet. */
  const waiting: Change[] = [];

  const tell = (change: Change): void => {
    for (const directory of waiting.splice(0)) visit(directory);
    visit(change);
  };

  const walk = (place: Place): void => {
    for (const name of namesOf(place, calls)) {
      const path = `${place.path}/${name}`;
      if (mounted.has(path)) continue;
      const own = tree.own?.[path];
      const before = findIn(place.lower, name, calls);
      const from = `${place.upper}/${name}`;
      const stats = statOf(from);
      if (own?.kind === 'link' && linkTarget(from) === own.to) continue;
      if (stats === undefined || isWhiteout(stats)) {
        if (before === undefined) continue;
        tell({ kind: 'deleted', path, now: null, isOpaque: false, isCovered: place.isCovered });
      } else if (stats.isDirectory()) {
        enter(place, ownDirectory(own, { path, from, stats, before }));
      } else if (!(isWholeCopy && before !== undefined && isSame(before, { path: from, stats }, calls))) {
        tell({ ...changeOf(path, before ?? own), now: { path: from, stats } });
      }
    }
  };

  const enter = (place: Place, { path, from, stats, before, isOwn }: Directory): void => {
    const lower = before?.directories ?? [];
    const hides = !isWholeCopy && !place.isCovered && lower.length > 0 && isOpaque(from, calls);
    const change = { ...changeOf(path, before ?? isOwn), now: { path: from, stats }, isOpaque: hides };
    const isSameAsBefore = isWholeCopy && before !== undefined && isSame(before, { path: from, stats }, calls);
    const isChanged = hides || !(isOwn === true || isSameAsBefore);
    if (isChanged) tell(change);
    else waiting.push(change);
    const isCovered = place.isCovered || hides;
    walk({ path, upper: from, lower, isAlone: isWholeCopy || isCovered, isCovered });
    if (waiting.at(-1) === change) waiting.pop();
  };

  walk({ path: '', upper: tree.upper, lower: tree.lower, isAlone: isWholeCopy, isCovered: false });
}

/** A directory that hutch has made, which may stand for others. */
function ownDirectory(own: OwnEntry | undefined, found: Directory): Directory {
  if (own?.kind !== 'directory') return found;
  const { upper = found.from, lower } = own;
  const before = lower === undefined ? found.before : { path: lower[0] ?? '', stats: found.stats, directories: lower };
  return { ...found, from: upper, before, isOwn: true };
}

/** `before`: anything that was there. */
function changeOf(path: string, before: unknown): Omit<Change, 'now'> {
  return { kind: before === undefined ? 'added' : 'changed', path, isOpaque: false, isCovered: false };
}

/** What is there now, what fuse-overlayfs says is gone, and where that says nothing, all that was there. */
function namesOf({ upper, lower, isAlone }: Place, calls: FileCalls): string[] {
  const own = namesIn(upper);
  const hidden = own
    .filter((name) => name.startsWith(WHITEOUT_PREFIX))
    .map((name) => name.slice(WHITEOUT_PREFIX.length));
  const names = own.filter((name) => !name.startsWith(WHITEOUT_PREFIX));
  const before = isAlone ? listIn(lower, calls).map(([name]) => name) : [];
  return [...new Set([...names, ...hidden, ...before])].filter((name) => !name.startsWith(WHITEOUT_PREFIX)).sort();
}

type Entry = Pick<Found, 'path' | 'stats'>;

function isSame(a: Entry, b: Entry, calls: FileCalls): boolean {
  const keys = [
    'mode',
    'uid',
    'gid',
    'rdev',
    ...(a.stats.isDirectory() ? [] : (['size', 'mtimeNs'] as const)),
  ] as const;
  if (keys.some((key) => a.stats[key] !== b.stats[key])) return false;
  if (a.stats.isSymbolicLink() && linkTarget(a.path) !== linkTarget(b.path)) return false;
  return attributesText(a.path, calls) === attributesText(b.path, calls);
}

function attributesText(path: string, calls: FileCalls): string {
  return attributeNames(path, calls)
    .filter(isKept)
    .map((name) => `${name}=${attributeValue(path, name, calls).toString('hex')}`)
    .join('\n');
}
