/** Builds tar archives byte by byte, also ones that no honest program would write. */

export interface TarPart {
  readonly name: string;
  /** Type flag character; a file when not given. */
  readonly flag?: string;
  readonly content?: string | Buffer;
  readonly linkName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  /** What the header says the size is, whatever follows. */
  readonly statedSize?: number;
  /** Pax records put before the entry. */
  readonly pax?: Readonly<Record<string, string>>;
  /** Overwrites bytes of the header before the checksum is made: offset and text. */
  readonly patches?: readonly (readonly [offset: number, text: string])[];
}

const BLOCK = 512;

/** An archive of `parts`, in ustar with pax records; with the two zero blocks at its end unless told otherwise. */
export function buildTar(parts: readonly TarPart[], options: { readonly hasEnd?: boolean } = {}): Buffer {
  const blocks = parts.flatMap(partBlocks);
  return Buffer.concat(options.hasEnd === false ? blocks : [...blocks, Buffer.alloc(2 * BLOCK)]);
}

function partBlocks(part: TarPart): Buffer[] {
  const content = Buffer.from(part.content ?? '');
  const records =
    part.pax === undefined ? [] : partBlocks({ name: 'PaxHeaders/x', flag: 'x', content: paxBody(part.pax) });
  return [...records, headerBlock(part, content.length), padded(content)];
}

/** The body of a pax header; each record counts its own length. */
export function paxBody(records: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(Object.entries(records).map(([key, value]) => paxRecord(key, value)));
}

function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`, 'latin1');
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function headerBlock(part: TarPart, contentBytes: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(part.name, 0, 100, 'latin1');
  header.write(octal(part.mode ?? 0o644, 7), 100, 'latin1');
  header.write(octal(part.uid ?? 0, 7), 108, 'latin1');
  header.write(octal(part.gid ?? 0, 7), 116, 'latin1');
  header.write(octal(part.statedSize ?? contentBytes, 11), 124, 'latin1');
  header.write(octal(part.mtime ?? 1_000_000_000, 11), 136, 'latin1');
  header.write(part.flag ?? '0', 156, 'latin1');
  header.write(part.linkName ?? '', 157, 100, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  for (const [offset, text] of part.patches ?? []) header.write(text, offset, 'latin1');
  return withChecksum(header);
}

/** `header` with the checksum that fits it. */
export function withChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]);
}
