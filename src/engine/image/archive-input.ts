/** Reading an archive that the user named, or stdin; in the CLI process. */
import { accessSync, constants, createReadStream, statSync, type Stats } from 'node:fs';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';

export interface ArchiveInput {
  /** Null for stdin. */
  readonly path: string | null;
  /** Bytes; null for what is no regular file. */
  readonly sizeBytes: number | null;
  /** Opens it, once. */
  readonly open: () => AsyncIterable<Buffer>;
}

/** `file` is a path, or `-` for stdin. USAGE_INVALID at once when it cannot be read; `hint` says what is wanted. */
export function openArchive(file: string, hint: string): ArchiveInput {
  if (file === '-') {
    if (process.stdin.isTTY) throw unreadable('stdin', 'it is a terminal', hint);
    return { path: null, sizeBytes: null, open: () => process.stdin };
  }
  if (/^https?:\/\//u.test(file))
    throw unreadable(
      file,
      'archives are not fetched',
      `fetch it and hand it on, such as: curl -fL ${file} | hutch import - NAME`,
    );
  const stats = statReadable(file, hint);
  if (stats.isDirectory()) throw unreadable(file, 'it is a directory', hint);
  return {
    path: file,
    sizeBytes: stats.isFile() ? stats.size : null,
    open: () => createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>,
  };
}

function statReadable(file: string, hint: string): Stats {
  try {
    accessSync(file, constants.R_OK);
    return statSync(file);
  } catch (cause) {
    throw unreadable(file, errnoOf(cause) ?? String(cause), hint, cause);
  }
}

function unreadable(file: string, reason: string, hint: string, cause?: unknown): HutchError {
  return new HutchError(`cannot read the archive ${file}: ${reason}`, {
    code: 'USAGE_INVALID',
    hint,
    cause,
    context: { file },
  });
}
