/** Writes headers of tar archives: ustar, with pax records for what it has no room for; pure. Source: pax(1), tar(5). */
import type { EntryType, TarEntry } from './entry.ts';
import { BLOCK_BYTES } from './header.ts';

const FLAG_OF_TYPE: Readonly<Record<EntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  device: '3',
  directory: '5',
  fifo: '6',
};
/** The largest numbers that 7 and 11 octal digits hold. */
const LARGEST_ID = 0o7777777;
const LARGEST_SIZE = 0o77777777777;
const NAME_BYTES = 100;

/** The two blocks of zeros that end an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * BLOCK_BYTES);

/** The blocks that precede the content of `entry`; its `sizeBytes` of content follow, then tarPadding(). */
export function tarHeader(entry: TarEntry): Buffer {
  const records = recordsOf(entry);
  const header = headerBlock(entry);
  if (records.length === 0) return header;
  const body = Buffer.concat(records);
  const extended = headerBlock(
    {
      ...entry,
      name: `PaxHeaders/${lastPart(entry.name).slice(0, 80)}`,
      linkName: '',
      sizeBytes: body.length,
      mode: 0o644,
    },
    'x',
  );
  return Buffer.concat([extended, body, tarPadding(body.length), header]);
}

/** The zeros after `sizeBytes` of content. */
export function tarPadding(sizeBytes: number): Buffer {
  return TAR_END.subarray(0, (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

function lastPart(name: string): string {
  return name.replace(/\/$/u, '').split('/').at(-1) ?? '';
}

/** Pax records for names that are long or not plain, numbers that are large, parts of seconds, and attributes. */
function recordsOf({ name, linkName, uid, gid, sizeBytes, mtime, attributes }: TarEntry): Buffer[] {
  const records: Buffer[] = [];
  const add = (key: string, value: string | Buffer): number => records.push(paxRecord(key, value));
  if (name.length > NAME_BYTES) add('path', name);
  if (linkName.length > NAME_BYTES) add('linkpath', linkName);
  if (uid > LARGEST_ID) add('uid', String(uid));
  if (gid > LARGEST_ID) add('gid', String(gid));
  if (sizeBytes > LARGEST_SIZE) add('size', String(sizeBytes));
  if (mtime.nanoseconds !== 0 || mtime.seconds < 0 || mtime.seconds > LARGEST_SIZE) add('mtime', momentText(mtime));
  for (const attribute of attributes) add(`SCHILY.xattr.${attribute.name}`, attribute.value);
  return records;
}

/** Seconds with a fraction; nanoseconds count forward from the second below, so that a negative moment is put together anew. */
function momentText({ seconds, nanoseconds }: TarEntry['mtime']): string {
  const isNegative = seconds < 0;
  const whole = isNegative && nanoseconds > 0 ? seconds + 1 : seconds;
  const rest = isNegative && nanoseconds > 0 ? 1e9 - nanoseconds : nanoseconds;
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(9, '0').replace(/0+$/u, '')}`;
  return `${isNegative ? '-' : ''}${String(Math.abs(whole))}${fraction}`;
}

/** `length key=value\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  const rest = key.length + bytes.length + 3;
  let length = rest + 1;
  while (rest + String(length).length > length) length += 1;
  return Buffer.concat([Buffer.from(`${String(length)} ${key}=`, 'latin1'), bytes, Buffer.from('\n')]);
}

function headerBlock(entry: TarEntry, flag = FLAG_OF_TYPE[entry.type]): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, offset: number, digits: number): void => {
    const fits = value >= 0 && value < 8 ** digits;
    header.write((fits ? value : 0).toString(8).padStart(digits, '0'), offset, 'latin1');
  };
  header.write(entry.name.slice(0, NAME_BYTES), 0, 'latin1');
  octal(entry.mode & 0o7777, 100, 7);
  octal(entry.uid, 108, 7);
  octal(entry.gid, 116, 7);
  octal(entry.sizeBytes, 124, 11);
  octal(entry.mtime.seconds, 136, 11);
  header.write(flag, 156, 'latin1');
  header.write(entry.linkName.slice(0, NAME_BYTES), 157, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
