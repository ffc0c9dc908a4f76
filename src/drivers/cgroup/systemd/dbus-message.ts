/** Messages of D-Bus as bytes, little endian: as much of the format as speaking to systemd takes; pure. Source: D-Bus Specification, "Message Protocol". */

/** A value as JavaScript has it: number for y, u, i, n, q; bigint for t and x; array for arrays and structs; [signature, value] for v. */
export type DbusValue = string | number | bigint | boolean | readonly DbusValue[];

export const MESSAGE = { call: 1, reply: 2, error: 3, signal: 4 } as const;

export interface Message {
  readonly type: number;
  readonly serial: number;
  readonly path?: string;
  readonly interface?: string;
  readonly member?: string;
  readonly errorName?: string;
  readonly replySerial?: number;
  readonly destination?: string;
  readonly signature?: string;
  readonly body: readonly DbusValue[];
}

const FIELDS = [
  [1, 'path', 'o'],
  [2, 'interface', 's'],
  [3, 'member', 's'],
  [4, 'errorName', 's'],
  [5, 'replySerial', 'u'],
  [6, 'destination', 's'],
  [8, 'signature', 'g'],
] as const;

const HEADER_BYTES = 16;
/** The specification's own limits. */
const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;
const MAX_DEPTH = 64;

/** The bytes of a message. Throws for a value that its signature does not fit: a bug of the caller. */
export function encodeMessage(message: Message): Buffer {
  const body = new Writer();
  body.values(message.signature ?? '', message.body);
  const fields = FIELDS.flatMap(([code, name, signature]): DbusValue[] => {
    const value = message[name];
    return value === undefined ? [] : [[code, [signature, value]]];
  });
  const header = new Writer();
  header.values('yyyyuu', [LITTLE, message.type, 0, 1, body.length, message.serial]);
  header.value('a(yv)', fields);
  header.align(8);
  return Buffer.concat([header.bytes(), body.bytes()]);
}

const LITTLE = 'l'.charCodeAt(0);

/** The length of the message that begins here; undefined while its header is not whole. Throws for what is no such message. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  if (bytes[0] !== LITTLE) throw new Error('a message that is not little endian');
  const fields = bytes.readUInt32LE(12);
  const length = padded(HEADER_BYTES + fields, 8) + bytes.readUInt32LE(4);
  if (length > MAX_MESSAGE_BYTES) throw new Error('a message that is too long');
  return length;
}

/** Reads one whole message. Throws for bytes that are none. */
export function decodeMessage(bytes: Buffer): Message {
  const reader = new Reader(bytes);
  const [, type, , , , serial] = reader.values('yyyyuu');
  const fields = reader.value('a(yv)') as readonly (readonly [number, readonly [string, DbusValue]])[];
  reader.align(8);
  const named = Object.fromEntries(
    fields.flatMap(([code, [, value]]) => FIELDS.filter(([known]) => known === code).map(([, name]) => [name, value])),
  ) as Partial<Message>;
  return { ...named, type: type as number, serial: serial as number, body: reader.values(named.signature ?? '') };
}

function padded(offset: number, to: number): number {
  return Math.ceil(offset / to) * to;
}

/** The complete types that a signature consists of. */
export function splitSignature(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = typeEnd(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

function typeEnd(signature: string, at: number): number {
  const first = signature[at];
  if (first === 'a') return typeEnd(signature, at + 1);
  const close = first === '(' ? ')' : first === '{' ? '}' : '';
  if (close === '') {
    if (first === undefined || !'ybnqiuxtdsogvh'.includes(first)) throw new Error(`no signature: ${signature}`);
    return at + 1;
  }
  let next = at + 1;
  while (signature[next] !== close) next = typeEnd(signature, next);
  if (next === at + 1) throw new Error(`no signature: ${signature}`);
  return next + 1;
}

function alignment(type: string): number {
  switch (type[0]) {
    case 'y':
    case 'g':
    case 'v':
      return 1;
    case 'n':
    case 'q':
      return 2;
    case 'x':
    case 't':
    case 'd':
    case '(':
    case '{':
      return 8;
    default:
      return 4;
  }
}

/** Bytes of what is sent, besides texts. */
const SIZES: Readonly<Record<string, number>> = { y: 1, u: 4, b: 4, t: 8 };

class Writer {
  private buffer = Buffer.alloc(256);
  length = 0;

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  align(to: number): void {
    this.reserve(padded(this.length, to) - this.length);
  }

  values(signature: string, values: readonly DbusValue[]): void {
    const types = splitSignature(signature);
    if (types.length !== values.length) throw new Error(`${String(values.length)} values for ${signature}`);
    for (const [index, type] of types.entries()) this.value(type, values[index] ?? '');
  }

  value(type: string, value: DbusValue): void {
    this.align(alignment(type));
    const first = type[0] ?? '';
    if (first === 'a') this.array(type.slice(1), value as readonly DbusValue[]);
    else if (first === '(' || first === '{') this.values(type.slice(1, -1), value as readonly DbusValue[]);
    else if (first === 'v') this.variant(value as readonly DbusValue[]);
    else this.basic(first, value);
  }

  private variant([signature, value]: readonly DbusValue[]): void {
    this.basic('g', String(signature));
    this.value(String(signature), value ?? '');
  }

  private array(element: string, values: readonly DbusValue[]): void {
    const at = this.reserve(4);
    this.align(alignment(element));
    const start = this.length;
    for (const value of values) this.value(element, value);
    this.buffer.writeUInt32LE(this.length - start, at);
  }

  private basic(type: string, value: DbusValue): void {
    if (type === 's' || type === 'o' || type === 'g') {
      this.text(type, String(value));
      return;
    }
    const size = SIZES[type];
    if (size === undefined) throw new Error(`no values of type ${type} are sent`);
    // First of all: the room may be in another buffer afterwards.
    const at = this.reserve(size);
    if (type === 'y') this.buffer.writeUInt8(Number(value), at);
    else if (type === 't') this.buffer.writeBigUInt64LE(BigInt(value as bigint | number), at);
    else this.buffer.writeUInt32LE(Number(value), at);
  }

  private text(type: string, text: string): void {
    if (text.includes('\0')) throw new Error('a text with a NUL character');
    const bytes = Buffer.from(`${text}\0`);
    this.basic(type === 'g' ? 'y' : 'u', bytes.length - 1);
    const at = this.reserve(bytes.length);
    bytes.copy(this.buffer, at);
  }

  /** Makes room for `count` bytes, zero so far, and returns where they are. */
  private reserve(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.buffer.length)
      this.buffer = Buffer.concat([this.buffer, Buffer.alloc(Math.max(this.length, this.buffer.length))]);
    return at;
  }
}

class Reader {
  private at = 0;
  private depth = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  align(to: number): void {
    this.at = padded(this.at, to);
  }

  values(signature: string): DbusValue[] {
    return splitSignature(signature).map((type) => this.value(type));
  }

  value(type: string): DbusValue {
    this.align(alignment(type));
    this.depth += 1;
    if (this.depth > MAX_DEPTH) throw new Error('values in values without end');
    const value = this.read(type);
    this.depth -= 1;
    return value;
  }

  private read(type: string): DbusValue {
    const first = type[0] ?? '';
    if (first === 'a') return this.array(type.slice(1));
    if (first === '(' || first === '{') return this.values(type.slice(1, -1));
    if (first === 'v') {
      const signature = String(this.read('g'));
      return [signature, this.value(signature)];
    }
    return this.basic(first);
  }

  private array(element: string): DbusValue[] {
    const length = this.bytes.readUInt32LE(this.take(4));
    this.align(alignment(element));
    const end = this.at + length;
    if (end > this.bytes.length) throw new Error('an array beyond the end of its message');
    const values: DbusValue[] = [];
    while (this.at < end) values.push(this.value(element));
    return values;
  }

  private basic(type: string): DbusValue {
    switch (type) {
      case 'y':
        return this.bytes.readUInt8(this.take(1));
      case 'q':
        return this.bytes.readUInt16LE(this.take(2));
      case 'n':
        return this.bytes.readInt16LE(this.take(2));
      case 'i':
        return this.bytes.readInt32LE(this.take(4));
      case 'u':
      case 'h':
        return this.bytes.readUInt32LE(this.take(4));
      case 'b':
        return this.bytes.readUInt32LE(this.take(4)) !== 0;
      case 't':
        return this.bytes.readBigUInt64LE(this.take(8));
      case 'x':
        return this.bytes.readBigInt64LE(this.take(8));
      case 'd':
        return this.bytes.readDoubleLE(this.take(8));
      default:
        return this.text(type);
    }
  }

  private text(type: string): string {
    const length = type === 'g' ? this.bytes.readUInt8(this.take(1)) : this.bytes.readUInt32LE(this.take(4));
    const start = this.take(length + 1);
    return this.bytes.toString('utf8', start, start + length);
  }

  private take(count: number): number {
    const at = this.at;
    this.at += count;
    if (this.at > this.bytes.length) throw new Error('a value beyond the end of its message');
    return at;
  }
}
