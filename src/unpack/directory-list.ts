/** Directories whose owner, mode and times are set at the very end, when nothing more is put into them; unpack program. */
import type { Attribute, TarEntry } from '../archive/tar/entry.ts';

export interface DirectoryMetadata {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  readonly attributes: readonly Attribute[];
}

/** Kept in flat arrays: a hostile archive may hold a million directories. */
export interface DirectoryList {
  add(name: string, entry: TarEntry): void;
  [Symbol.iterator](): Iterator<DirectoryMetadata>;
}

export function createDirectoryList(): DirectoryList {
  const names: string[] = [];
  const numbers: number[] = [];
  const attributes = new Map<number, readonly Attribute[]>();
  return {
    add(name, entry) {
      if (entry.attributes.length > 0) attributes.set(names.length, entry.attributes);
      names.push(name);
      numbers.push(entry.mode, entry.uid, entry.gid, entry.mtime.seconds, entry.mtime.nanoseconds);
    },
    *[Symbol.iterator]() {
      for (const [index, name] of names.entries()) {
        const [mode = 0, uid = 0, gid = 0, seconds = 0, nanoseconds = 0] = numbers.slice(index * 5, index * 5 + 5);
        yield { name, mode, uid, gid, mtime: { seconds, nanoseconds }, attributes: attributes.get(index) ?? [] };
      }
    },
  };
}
