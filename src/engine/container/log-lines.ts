/**
 * From entries of a log to what is shown of them, byte by byte in one pass: an object for each line would take longer than all the rest.
 * Every entry begins with 40 bytes: TIME (30), stream (6), `F` or `P`, each with a space behind it. Pure.
 */

export type LogStream = 'stdout' | 'stderr';

/** Bytes of a stream; they are valid during the call. */
export type TakeOutput = (stream: LogStream, bytes: Uint8Array) => void;

export interface LineOptions {
  readonly timestamps: boolean;
  /** Entries before and after are left out; milliseconds since 1970. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  /** Both streams lead to one place: their order is kept, and all comes as stdout. */
  readonly together: boolean;
  /** Before each line, behind its time. */
  readonly details?: Uint8Array;
}

export const TIME_BYTES = 30;
export const HEADER_BYTES = 40;
const NOTHING = new Uint8Array(0);
const LINE_FEED = 10;
const SPACE = 32;
const [DOT, F, P, S, E, Z] = [0x2e, 0x46, 0x50, 0x73, 0x65, 0x5a];
/** Of `stdout` and `stderr` in an entry, the first letter that differs. */
const STREAM_AT = TIME_BYTES + 4;
const TAG_AT = HEADER_BYTES - 2;

/** The time at the beginning of an entry of this moment. */
export function stampOf(ms: number): Uint8Array {
  return Buffer.from(`${new Date(ms).toISOString().slice(0, -1)}000000Z`, 'latin1');
}

/** True when an entry begins at `at`: what a full disk has cut does not count. */
export function isEntry(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at + 19] === DOT &&
    bytes[at + TIME_BYTES - 1] === Z &&
    bytes[at + TIME_BYTES] === SPACE &&
    bytes[at + TIME_BYTES + 1] === S &&
    bytes[at + TAG_AT - 1] === SPACE &&
    (bytes[at + TAG_AT] === F || bytes[at + TAG_AT] === P) &&
    bytes[at + HEADER_BYTES - 1] === SPACE
  );
}

/** True when the entry at `at` ends its line. */
export function endsLine(bytes: Uint8Array, at: number): boolean {
  return bytes[at + TAG_AT] === F;
}

export function isStderr(bytes: Uint8Array, at: number): boolean {
  return bytes[at + STREAM_AT] === E;
}

/** Below 0 when the time of the entry at `at` lies before `stamp`. */
export function compareTime(bytes: Uint8Array, at: number, stamp: Uint8Array): number {
  for (let index = 0; index < TIME_BYTES; index += 1) {
    const difference = (bytes[at + index] ?? 0) - (stamp[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** One place that output goes to. Without details it never grows beyond what one push brings: a header is longer than what is shown of it. */
class Output {
  bytes = new Uint8Array(0);
  length = 0;
  /** The last entry was a part of a line. */
  isWithinLine = false;

  makeRoom(count: number): void {
    if (this.bytes.length < count) this.bytes = new Uint8Array(count);
  }
}

export class LogLines {
  /** An entry after `untilMs` has come: there will be no more to show. */
  isOver = false;
  private readonly since: Uint8Array | null;
  private readonly until: Uint8Array | null;
  private readonly timestamps: boolean;
  private readonly details: Uint8Array;
  private readonly hasPrefix: boolean;
  private readonly take: TakeOutput;
  private readonly stdout = new Output();
  private readonly stderr: Output;

  constructor({ timestamps, sinceMs, untilMs, together, details = NOTHING }: LineOptions, take: TakeOutput) {
    this.timestamps = timestamps;
    this.details = details;
    this.hasPrefix = timestamps || details.length > 0;
    this.since = sinceMs === null ? null : stampOf(sinceMs);
    this.until = untilMs === null ? null : stampOf(untilMs);
    this.stderr = together ? this.stdout : new Output();
    this.take = take;
  }

  /** Shows the whole entries of `bytes`, and returns how many bytes those are. */
  push(bytes: Uint8Array): number {
    const room = bytes.length + this.details.length * Math.ceil(bytes.length / HEADER_BYTES);
    this.stdout.makeRoom(room);
    this.stderr.makeRoom(room);
    const last = bytes.lastIndexOf(LINE_FEED) + 1;
    for (let at = 0; at < last && !this.isOver;) at = this.entry(bytes, at);
    this.flush('stdout', this.stdout);
    this.flush('stderr', this.stderr);
    return last;
  }

  /** Returns where the next entry begins. */
  private entry(bytes: Uint8Array, at: number): number {
    if (!isEntry(bytes, at) || !this.isWanted(bytes, at)) return bytes.indexOf(LINE_FEED, at) + 1;
    const output = isStderr(bytes, at) ? this.stderr : this.stdout;
    if (this.hasPrefix && !output.isWithinLine) this.begin(bytes, at, output);
    const isWhole = endsLine(bytes, at);
    output.isWithinLine = !isWhole;
    return copyText(bytes, at + HEADER_BYTES, output, isWhole);
  }

  private isWanted(bytes: Uint8Array, at: number): boolean {
    if (this.until !== null && compareTime(bytes, at, this.until) > 0) this.isOver = true;
    return !this.isOver && (this.since === null || compareTime(bytes, at, this.since) >= 0);
  }

  private begin(bytes: Uint8Array, at: number, output: Output): void {
    if (this.timestamps) this.stamp(bytes, at, output);
    output.bytes.set(this.details, output.length);
    output.length += this.details.length;
  }

  private stamp(bytes: Uint8Array, at: number, output: Output): void {
    const { bytes: to, length } = output;
    for (let index = 0; index <= TIME_BYTES; index += 1) to[length + index] = bytes[at + index] ?? 0;
    output.length = length + TIME_BYTES + 1;
  }

  private flush(stream: LogStream, output: Output): void {
    const { length } = output;
    output.length = 0;
    if (length > 0) this.take(stream, output.bytes.subarray(0, length));
  }
}

/** The text up to the line feed, and that one if it belongs to the text. Returns the place behind it. */
function copyText(from: Uint8Array, start: number, output: Output, hasEnd: boolean): number {
  const to = output.bytes;
  let at = start;
  let length = output.length;
  for (let byte = from[at] ?? LINE_FEED; byte !== LINE_FEED; byte = from[at] ?? LINE_FEED) {
    to[length] = byte;
    length += 1;
    at += 1;
  }
  if (hasEnd) {
    to[length] = LINE_FEED;
    length += 1;
  }
  output.length = length;
  return at + 1;
}
