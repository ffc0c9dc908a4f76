/** The files of a container's log, read while its monitor writes, rotates and removes them; on the host's side. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { logFile } from '../../monitor/log-writer.ts';
import { isAbsent } from '../../state/json-file.ts';

const CHUNK_BYTES = 1024 * 1024;
const LINE_FEED = 10;

export interface LogFile {
  readonly fd: number;
  /** What tells it from others, whatever its name is by now: as long as it is open no other file gets its number. */
  readonly inode: number;
}

/** Opens the files of a log, oldest first, down to and without the one that is `known` already. A rotation meanwhile costs and doubles nothing. */
export function openLogFiles(path: string, known?: number): LogFile[] {
  const files: LogFile[] = [];
  for (let index = 0; ; index += 1) {
    const file = openLogFile(logFile(path, index));
    if (file === undefined) return files;
    const isSeen = files.some(({ inode }) => inode === file.inode);
    if (isSeen || file.inode === known) closeSync(file.fd);
    else files.unshift(file);
    if (file.inode === known) return files;
  }
}

function openLogFile(path: string): LogFile | undefined {
  try {
    const fd = openSync(path, 'r');
    return { fd, inode: fstatSync(fd).ino };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Reads one file from a place on, in large pieces, as often as it has grown. */
export class LogFileReader {
  readonly file: LogFile;
  private buffer = Buffer.allocUnsafe(0);
  private offset: number;
  /** Bytes at the beginning of the buffer that no line feed has ended yet. */
  private unread = 0;

  constructor(file: LogFile, offset = 0) {
    this.file = file;
    this.offset = offset;
  }

  /** Hands what has come to `take`, which returns how much of it was whole entries. True when there was something. */
  read(take: (bytes: Uint8Array) => number): boolean {
    let hasRead = false;
    for (let count = this.fill(); count > 0; count = this.fill()) {
      hasRead = true;
      const filled = this.unread + count;
      const taken = take(this.buffer.subarray(0, filled));
      this.buffer.copyWithin(0, taken, filled);
      this.unread = filled - taken;
    }
    return hasRead;
  }

  close(): void {
    closeSync(this.file.fd);
  }

  private fill(): number {
    if (this.buffer.length - this.unread < CHUNK_BYTES / 2) this.grow();
    const count = readSync(this.file.fd, this.buffer, this.unread, this.buffer.length - this.unread, this.offset);
    this.offset += count;
    return count;
  }

  private grow(): void {
    const larger = Buffer.allocUnsafe(this.unread + CHUNK_BYTES);
    this.buffer.copy(larger, 0, 0, this.unread);
    this.buffer = larger;
  }
}

/**
 * Calls `visit` with the entries of a file, last one first, until it returns false. Returns the offset behind the entry that it refused; 0
 * when it took all.
 */
export function visitBackwards(file: LogFile, visit: (bytes: Uint8Array, at: number) => boolean): number {
  let end = fstatSync(file.fd).size;
  for (let chunkBytes = CHUNK_BYTES; end > 0;) {
    const begin = Math.max(0, end - chunkBytes);
    const bytes = Buffer.allocUnsafe(end - begin);
    readSync(file.fd, bytes, 0, bytes.length, begin);
    // What comes before the first line feed belongs to a line that begins further up.
    const first = begin === 0 ? 0 : bytes.indexOf(LINE_FEED) + 1;
    if (begin > 0 && (first === 0 || first === bytes.length)) {
      chunkBytes *= 2;
      continue;
    }
    const refused = visitChunk(bytes.subarray(first), visit);
    if (refused !== null) return begin + first + refused;
    end = begin + first;
  }
  return 0;
}

function visitChunk(bytes: Buffer, visit: (bytes: Uint8Array, at: number) => boolean): number | null {
  for (let end = bytes.length; end > 0;) {
    const at = end === 1 ? 0 : bytes.lastIndexOf(LINE_FEED, end - 2) + 1;
    if (!visit(bytes, at)) return end;
    end = at;
  }
  return null;
}
