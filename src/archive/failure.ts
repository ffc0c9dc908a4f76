/** The one error of archives: what is wrong with one, and with which entry; pure. */
import { HutchError } from '../errors/hutch-error.ts';
import { shownName } from './tar/entry.ts';

/** ARCHIVE_INVALID. `entry` is the raw name of the entry at fault. */
export function invalidArchive(reason: string, entry?: string, hint?: string): HutchError {
  const place = entry === undefined ? 'the archive' : `archive entry "${shownName(entry)}"`;
  return new HutchError(`${place} ${reason}`, {
    code: 'ARCHIVE_INVALID',
    hint: hint ?? 'make or fetch the archive again',
    context: entry === undefined ? {} : { entry: shownName(entry) },
  });
}

/** ARCHIVE_INVALID: the entry `name` is a hard link to `target`, which is nowhere. */
export function danglingLink(name: string, target: string): HutchError {
  return invalidArchive(
    `is a hard link to "${shownName(target)}", which neither its own layer nor one below has as a file`,
    name,
  );
}
