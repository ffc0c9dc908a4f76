/** Reads one 512-byte header block of a tar archive: v7, ustar, GNU and star; pure. Source: tar(5). */
import { invalidArchive } from '../failure.ts';

export const BLOCK_BYTES = 512;

/** A header block as it stands in the archive. */
export interface TarHeader {
  /** The type flag character. */
  readonly flag: string;
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes that follow the header, before padding. */
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
}

/** True when all 512 bytes at `offset` are zero: the end of an archive. */
export function isZeroBlock(buffer: Buffer, offset: number): boolean {
  return buffer[offset] === 0 && buffer.compare(ZERO_BLOCK, 0, BLOCK_BYTES, offset, offset + BLOCK_BYTES) === 0;
}

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** The header at `offset`; undefined when the checksum does not fit, so this is no header at all. */
export function parseHeader(buffer: Buffer, offset: number): TarHeader | undefined {
  const header = buffer.subarray(offset, offset + BLOCK_BYTES);
  if (!isChecksumRight(header)) return undefined;
  const name = joinPrefix(header);
  return {
    flag: String.fromCharCode(header[156] ?? 0),
    name,
    linkName: textAt(header, 157, 100),
    mode: numberAt(header, 100, 8, name) & 0o7777,
    uid: numberAt(header, 108, 8, name),
    gid: numberAt(header, 116, 8, name),
    sizeBytes: numberAt(header, 124, 12, name),
    mtimeSeconds: numberAt(header, 136, 12, name),
  };
}

/** The sum counts the checksum's own bytes as spaces; some old programs summed signed bytes. */
function isChecksumRight(header: Buffer): boolean {
  let unsigned = 8 * 32;
  let highBytes = 0;
  for (let index = 0; index < BLOCK_BYTES; index += 1) {
    if (index >= 148 && index < 156) continue;
    const byte = header[index] ?? 0;
    unsigned += byte;
    if (byte > 127) highBytes += 1;
  }
  const stated = octal(textAt(header, 148, 8));
  return stated === unsigned || stated === unsigned - 256 * highBytes;
}

/** ustar splits long names; star's prefix is shorter, and GNU keeps other things in its place. */
function joinPrefix(header: Buffer): string {
  const name = textAt(header, 0, 100);
  if (header.toString('latin1', 257, 263) !== 'ustar\0') return name;
  const isStar = header.toString('latin1', 508, 512) === 'tar\0';
  const prefix = textAt(header, 345, isStar ? 131 : 155);
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** The text of a field, up to its first NUL. */
function textAt(header: Buffer, start: number, length: number): string {
  const text = header.toString('latin1', start, start + length);
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}

/** A number: octal digits, or big-endian two's complement when the first bit is set (GNU). */
export function numberAt(header: Buffer, start: number, length: number, entry: string): number {
  const first = header[start] ?? 0;
  const value = (first & 0x80) === 0 ? octal(textAt(header, start, length)) : binary(header, start, length);
  if (value !== undefined && Number.isSafeInteger(value)) return value;
  throw invalidArchive('has a header with a number that cannot be read', entry);
}

function octal(text: string): number | undefined {
  const digits = text.trim();
  if (digits === '') return 0;
  return /^[0-7]+$/u.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

function binary(header: Buffer, start: number, length: number): number {
  const isNegative = ((header[start] ?? 0) & 0x40) !== 0;
  let value = BigInt((header[start] ?? 0) & 0x3f) - (isNegative ? 0x40n : 0n);
  for (let index = start + 1; index < start + length; index += 1) value = value * 256n + BigInt(header[index] ?? 0);
  return Number(value);
}
