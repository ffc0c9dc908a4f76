/** Where an entry that is no directory is made: in its place, or beside it until it is whole; unpack and receive programs. */
import { randomBytes } from 'node:crypto';
import { lstatSync, renameSync, rmSync } from 'node:fs';
import { invalidArchive } from '../archive/failure.ts';
import { joinName, parentOf, pathOf } from './entry-name.ts';
import { CORRECT_IT } from './failure.ts';

export interface MakingSite {
  /** The name under which `name`, which has no links on its way, is made. ARCHIVE_INVALID when it would hide a directory. */
  begin(name: string): string;
  /** It is whole, and takes the place of what is there under its name. */
  end(): void;
  /** Takes away what is not whole. */
  abandon(): void;
}

/** For layers, which become visible as a whole. */
export const IN_ITS_PLACE: MakingSite = { begin: (name) => name, end: () => undefined, abandon: () => undefined };

/**
 * For files that go among others: in the same directory under a name of its own, so that one rename(2) puts it in the place of an older one,
 * which stays what it is until then.
 */
export function createBeside(): MakingSite {
  const base = `.hutch-copy-${randomBytes(6).toString('hex')}`;
  let made: { readonly at: string; readonly name: string } | undefined;
  const abandon = (): void => {
    if (made !== undefined) rmSync(pathOf(made.at), { force: true });
    made = undefined;
  };
  return {
    begin(name) {
      const there = lstatSync(pathOf(name), { throwIfNoEntry: false });
      if (there?.isDirectory() === true)
        throw invalidArchive('is no directory, but there is one in its place', name, CORRECT_IT);
      made = { at: joinName(parentOf(name), base), name };
      return made.at;
    },
    end() {
      if (made === undefined) return;
      renameSync(pathOf(made.at), pathOf(made.name));
      // Two names of one file both stay. Source: rename(2).
      abandon();
    },
    abandon,
  };
}
