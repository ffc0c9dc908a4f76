/** The errors of the unpack program: why an entry could not be made. */
import { shownName } from '../archive/tar/entry.ts';
import { errnoOf, HutchError, type ErrorCode } from '../errors/hutch-error.ts';

const CODE_OF_ERRNO: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'STORAGE_FULL',
  EDQUOT: 'STORAGE_FULL',
  EROFS: 'STORE_UNWRITABLE',
  EACCES: 'STORE_UNWRITABLE',
  EIO: 'STORE_UNWRITABLE',
};

/** The error for a system call that failed while `entry` was made; HutchErrors and bugs pass unchanged. */
export function entryFailure(entry: string, cause: unknown): unknown {
  const errno = errnoOf(cause);
  if (cause instanceof HutchError || errno === undefined || !/^E[A-Z0-9]+$/u.test(errno)) return cause;
  const code = CODE_OF_ERRNO[errno] ?? 'ARCHIVE_INVALID';
  return new HutchError(`cannot make archive entry "${shownName(entry)}": ${errno}`, {
    code,
    hint: HINT_OF_CODE[code] ?? 'make or fetch the archive again',
    cause,
    context: { entry: shownName(entry), errno },
  });
}

const HINT_OF_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  STORAGE_FULL: 'free some space (hutch rmi, hutch rm), or set HUTCH_DATA to a larger file system',
  STORE_UNWRITABLE: 'see that the file system of the store can be written, or set HUTCH_DATA to one that can',
};

/** ID_UNMAPPED: `kind` is `uid` or `gid`. */
export function unmappedId(entry: string, kind: 'uid' | 'gid', id: number): HutchError {
  return new HutchError(
    `archive entry "${shownName(entry)}" belongs to ${kind} ${String(id)}, which has no counterpart on this host`,
    {
      code: 'ID_UNMAPPED',
      hint: 'give the file an id that is mapped (0 to 65535 with a full subordinate range; see hutch doctor), ask an admin for a larger range, or give such files to nobody with --squash-ids',
      context: { entry: shownName(entry), [kind]: id },
    },
  );
}

/** The remedy for a copy that something is in the way of. */
export const CORRECT_IT = 'name another place, or remove what is there';
