/** An entry of a tar archive, whatever dialect it came in, and who takes entries; pure. */

export type EntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'device';

/** Names and attribute values are bytes; names are held in latin1 strings, one character for each byte. */
export interface TarEntry {
  readonly type: EntryType;
  readonly name: string;
  readonly linkName: string;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  /** Of the file as it will be, holes included; 0 for anything but files. */
  readonly sizeBytes: number;
  readonly attributes: readonly Attribute[];
}

export interface Attribute {
  readonly name: string;
  readonly value: Buffer;
}

/** Takes entries in the order of the archive: begin, any number of writes, end. */
export interface EntrySink {
  begin(entry: TarEntry): void;
  /** `chunk` from `start` to `end` belongs at `position` of the file; the bytes are only good during the call. */
  write(chunk: Buffer, start: number, end: number, position: number): void;
  end(): void;
}

/** A name as it may be shown: its bytes as UTF-8, on one line, cut where it is too long to read. */
export function shownName(name: string): string {
  const text = Buffer.from(name, 'latin1').toString('utf8').replaceAll('\n', '\\n');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
