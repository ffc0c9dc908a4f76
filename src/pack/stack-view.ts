/** One layer on top of others, looked up by path; make-seam program, chrooted into the store. */
import type { FileCalls } from '../syscall/files.ts';
import { findIn, type Found } from './merged-directory.ts';

export type Seen = Found;

export interface StackView {
  /** What the layer and those below show at a path, and what those below alone would, if nothing above it hides them. */
  look(name: string): { readonly shown: Seen | undefined; readonly lower: Seen | undefined };
}

/** Directories that are remembered: neighbours mostly come together. */
const MOST_REMEMBERED = 4096;

/** `below` is top first. Symbolic links on the way are not followed: an overlay shows nothing below them. */
export function createStackView(layer: string, below: readonly string[], calls: FileCalls): StackView {
  const known = new Map<string, readonly string[]>();

  /** The directories that make up the directory `path`. */
  const directoriesOf = (path: string): readonly string[] => {
    if (path === '') return [layer, ...below];
    const remembered = known.get(path);
    if (remembered !== undefined) return remembered;
    const directories = find(path)?.directories ?? [];
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(path, directories);
    return directories;
  };

  const find = (path: string): Found | undefined => {
    const [parent, base] = split(path);
    return findIn(directoriesOf(parent), base, calls);
  };

  return {
    look(name) {
      const [parent, base] = split(name);
      const directories = directoriesOf(parent);
      const isOwn = directories[0] === `${layer}${parent === '' ? '' : '/'}${parent}`;
      return { shown: find(name), lower: findIn(isOwn ? directories.slice(1) : directories, base, calls) };
    },
  };
}

function split(path: string): [parent: string, base: string] {
  const at = path.lastIndexOf('/');
  return at === -1 ? ['', path] : [path.slice(0, at), path.slice(at + 1)];
}
