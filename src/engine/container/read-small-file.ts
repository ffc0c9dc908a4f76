/** Reading a file that the user names; on the host's side. */
import { closeSync, openSync, readSync } from 'node:fs';

const MOST_BYTES = 4 * 1024 * 1024;

/**
 * The text of a file, which may be a pipe or device: at most 4 MiB of it are read, and more is a RangeError. A pipe that nobody
 * writes to is waited for. Throws as open(2) and read(2) do.
 */
export function readSmallFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(MOST_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length <= MOST_BYTES; length += count)
      count = readSync(fd, buffer, length, buffer.length - length, null);
    if (length > MOST_BYTES) throw new RangeError(`it has more than ${String(MOST_BYTES)} bytes`);
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}
