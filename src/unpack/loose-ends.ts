/** What of a layer depends on the layers below it, collected while it is unpacked; unpack program. */
import { invalidArchive } from '../archive/failure.ts';
import type { LooseEnds } from '../images/layer/unpack-protocol.ts';

export interface LooseEndsList {
  /** A directory that has no entry of its own: below, it may have an owner and a mode. */
  addDirectory(name: string): void;
  /** It has one after all, or nothing below shall show through. */
  dropDirectory(name: string): void;
  /** A hard link to what this layer does not have. */
  addLink(name: string, target: string): void;
  /** Something else took its place. */
  dropLink(name: string): void;
  list(): LooseEnds;
}

/** What a name costs besides its bytes, roughly. */
const OVERHEAD_BYTES = 64;

/** ARCHIVE_INVALID when the names would take more than about `limitBytes` of memory. */
export function createLooseEnds(limitBytes: number): LooseEndsList {
  const directories = new Set<string>();
  const links = new Map<string, string>();
  let bytes = 0;
  const kept = (name: string): string => {
    bytes += name.length + OVERHEAD_BYTES;
    if (bytes > limitBytes)
      throw invalidArchive('has too many directories without an entry, or hard links to files of other layers', name);
    // A copy: a part of a string would keep the whole alive.
    return Buffer.from(name, 'latin1').toString('latin1');
  };
  return {
    addDirectory: (name) => directories.add(kept(name)),
    dropDirectory: (name) => directories.delete(name),
    addLink: (name, target) => links.set(kept(name), kept(links.get(target) ?? target)),
    dropLink: (name) => links.delete(name),
    list: () => ({ directories: [...directories], links: [...links] }),
  };
}
