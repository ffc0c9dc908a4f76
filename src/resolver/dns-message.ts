/** Messages of the domain name system as bytes; pure. Sources: RFC 1035 §4, RFC 3596 (AAAA), RFC 6891 (EDNS). */
import { parseAddress6 } from '../linux/ipv6.ts';

export const TYPE = { A: 1, PTR: 12, AAAA: 28, OPT: 41, ANY: 255 } as const;
export const RCODE = { ok: 0, malformed: 1, failed: 2, noSuchName: 3, notImplemented: 4, refused: 5 } as const;

const CLASS = { IN: 1, ANY: 255 } as const;
const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
/** More than a question has any use for: what comes after it is an OPT record, perhaps a signature. */
const MAX_FURTHER_RECORDS = 8;
/** What fits into a datagram when the asker says nothing else, and what is sent at most when it does. */
const UDP_BYTES = { least: 512, most: 4096 } as const;
const FLAG = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursion: 0x0100, available: 0x0080 };
/** Points at the name of the question, which is always at the same place. */
const NAME_OF_QUESTION = 0xc000 | HEADER_BYTES;

export interface Question {
  readonly id: number;
  /** Lower case, labels joined by dots, no dot at the end. */
  readonly name: string;
  readonly type: number;
  /** False: of a class that nobody uses. */
  readonly isInternet: boolean;
  readonly wantsRecursion: boolean;
  /** The question's own bytes, which an answer repeats. */
  readonly bytes: Buffer;
  /** What the asker takes in one datagram. */
  readonly udpBytes: number;
  /** It speaks EDNS, so the answer must. */
  readonly hasOptions: boolean;
}

/** A question that cannot be answered: only its number is known, and why. */
export interface BadQuestion {
  readonly id: number;
  readonly rcode: number;
}

export interface DnsRecord {
  readonly type: number;
  readonly data: Buffer;
}

/** Reads what came in. Null: no question at all, to be left unanswered, so that two servers cannot be made to talk to each other. */
export function readQuestion(packet: Buffer): Question | BadQuestion | null {
  if (packet.length < HEADER_BYTES) return null;
  const id = packet.readUInt16BE(0);
  const flags = packet.readUInt16BE(2);
  if ((flags & FLAG.response) !== 0) return null;
  if (((flags >> 11) & 15) !== 0) return { id, rcode: RCODE.notImplemented };
  try {
    return parseQuestion(packet, { id, flags });
  } catch {
    return { id, rcode: RCODE.malformed };
  }
}

/** Throws for what is none. */
function parseQuestion(packet: Buffer, { id, flags }: { readonly id: number; readonly flags: number }): Question {
  const counts = [4, 6, 8, 10].map((place) => packet.readUInt16BE(place));
  const [questions = 0, ...further] = counts;
  if (questions !== 1) throw new Error('not one question');
  const { name, end } = readName(packet, HEADER_BYTES);
  const type = packet.readUInt16BE(end);
  const questionClass = packet.readUInt16BE(end + 2);
  const options = findOptions(packet, { start: end + 4, count: further.reduce((sum, count) => sum + count, 0) });
  return {
    id,
    name,
    type,
    isInternet: questionClass === CLASS.IN || questionClass === CLASS.ANY,
    wantsRecursion: (flags & FLAG.recursion) !== 0,
    bytes: packet.subarray(HEADER_BYTES, end + 4),
    udpBytes: Math.min(Math.max(options ?? UDP_BYTES.least, UDP_BYTES.least), UDP_BYTES.most),
    hasOptions: options !== undefined,
  };
}

/** A name without pointers: the first of a message has nothing to point at, and those after it are the root's. Throws where it is too long or cut off. */
function readName(packet: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let place = start;
  for (;;) {
    const length = packet.readUInt8(place);
    if (length === 0) return { name: labels.join('.'), end: place + 1 };
    const next = place + 1 + length;
    if (length > 63 || next - start >= MAX_NAME_BYTES || next >= packet.length) throw new Error('no name');
    labels.push(labelText(packet.subarray(place + 1, next)));
    place = next;
  }
}

/** A dot or another odd byte within a label must not become one between labels. */
function labelText(label: Buffer): string {
  return label
    .toString('latin1')
    .replaceAll(/[^\w-]/gu, escapeByte)
    .toLowerCase();
}

function escapeByte(character: string): string {
  return `\\${String(character.charCodeAt(0)).padStart(3, '0')}`;
}

/** What the asker takes in one datagram, by its OPT record; undefined when it has none. */
function findOptions(packet: Buffer, { start, count }: { readonly start: number; readonly count: number }) {
  if (count > MAX_FURTHER_RECORDS) throw new Error('too many records');
  let place = start;
  for (let record = 0; record < count; record++) {
    const { name, end } = readName(packet, place);
    if (name === '' && packet.readUInt16BE(end) === TYPE.OPT) return packet.readUInt16BE(end + 2);
    place = end + 10 + packet.readUInt16BE(end + 8);
  }
  return undefined;
}

/** An answer with these records, all for the name of the question; cut and marked as such where `limit` bytes do not hold it. */
export function writeAnswer(
  question: Question,
  { rcode, records, limit }: { readonly rcode: number; readonly records: readonly DnsRecord[]; readonly limit: number },
): Buffer {
  const written = records.map(writeRecord);
  const options = question.hasOptions ? [optionsRecord()] : [];
  const parts = [question.bytes, ...written, ...options];
  const isCut = parts.reduce((sum, { length }) => sum + length, HEADER_BYTES) > limit;
  const header = writeHeader(question.id, {
    flags: FLAG.authoritative | (isCut ? FLAG.truncated : 0) | (question.wantsRecursion ? FLAG.recursion : 0) | rcode,
    counts: [1, isCut ? 0 : records.length, 0, options.length],
  });
  return Buffer.concat([header, ...(isCut ? [question.bytes, ...options] : parts)]);
}

/** An answer without records: how asking has failed. A question that was not understood is not repeated. */
export function writeFailure(question: Question | BadQuestion, rcode: number): Buffer {
  if ('bytes' in question) return writeAnswer(question, { rcode, records: [], limit: UDP_BYTES.least });
  return writeHeader(question.id, { flags: rcode, counts: [0, 0, 0, 0] });
}

function writeHeader(id: number, { flags, counts }: { readonly flags: number; readonly counts: readonly number[] }) {
  const header = Buffer.alloc(HEADER_BYTES);
  [id, flags | FLAG.response | FLAG.available, ...counts].forEach((value, index) => {
    header.writeUInt16BE(value, index * 2);
  });
  return header;
}

/** Its time to live is nought: containers come and go, and asking again costs nothing. */
function writeRecord({ type, data }: DnsRecord): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(NAME_OF_QUESTION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(CLASS.IN, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function optionsRecord(): Buffer {
  const record = Buffer.alloc(11);
  record.writeUInt16BE(TYPE.OPT, 1);
  record.writeUInt16BE(UDP_BYTES.most, 3);
  return record;
}

/** The data of an A record, or of an AAAA record for an IPv6 address. */
export function writeAddress(address: string): Buffer {
  const number = parseAddress6(address);
  if (number !== undefined) return Buffer.from(number.toString(16).padStart(32, '0'), 'hex');
  return Buffer.from(address.split('.').map(Number));
}

/** The data of a PTR record: a name of ordinary labels. */
export function writeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(label, 'latin1').subarray(0, 63));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}

/** Whether bytes from a name server answer this question, asked under the number `id`. */
export function isAnswerTo(
  packet: Buffer,
  { question, id }: { readonly question: Question; readonly id: number },
): boolean {
  if (packet.length < HEADER_BYTES || packet.readUInt16BE(0) !== id) return false;
  if ((packet.readUInt16BE(2) & FLAG.response) === 0) return false;
  // A server that does not understand a question need not repeat it.
  if (packet.readUInt16BE(4) === 0) return packet.length === HEADER_BYTES;
  const repeated = packet.subarray(HEADER_BYTES, HEADER_BYTES + question.bytes.length);
  return packet.readUInt16BE(4) === 1 && sameQuestion(repeated, question.bytes);
}

/** Case apart: some servers repeat a name in lower case. */
function sameQuestion(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && one.toString('latin1').toLowerCase() === other.toString('latin1').toLowerCase();
}

/** A copy of a message under another number. */
export function withId(packet: Buffer, id: number): Buffer {
  const copy = Buffer.from(packet);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** The rcode of an answer. */
export function rcodeOf(packet: Buffer): number {
  return packet.readUInt8(3) & 15;
}
