/** How the programs of this folder tell what went wrong; pack and make-seam programs. */
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import type { UnpackFailure } from '../images/layer/unpack-protocol.ts';

/** What the disk or the reader refuses is the user's to mend; anything else but a HutchError is a bug, and thrown. `what` could not be written. */
export function failureOf(error: unknown, what: string): UnpackFailure {
  if (error instanceof HutchError)
    return { code: error.code, message: error.message, hint: error.hint ?? null, entry: null };
  const errno = errnoOf(error) ?? '';
  if (!['ENOSPC', 'EDQUOT', 'EPIPE', 'EIO'].includes(errno)) throw error;
  const isFull = errno === 'ENOSPC' || errno === 'EDQUOT';
  return {
    code: isFull ? 'STORAGE_FULL' : 'STORE_UNWRITABLE',
    message: `cannot write ${what}: ${errno}`,
    hint: isFull ? 'free some space, or write to another file system' : 'see whether the reader went away',
    entry: null,
  };
}
