/** The keys that part a terminal from a container which goes on; pure. */

/** ctrl-p,ctrl-q */
export const DEFAULT_DETACH_KEYS = Buffer.of(0x10, 0x11);

/**
 * The bytes of a list such as `ctrl-p,ctrl-q` or `a,ctrl-[`: single characters, and `ctrl-` with a letter or one of `@ [ \ ] ^ _`. An empty
 * list has none: then nothing detaches. Undefined when it is no such list.
 */
export function parseDetachKeys(text: string): Buffer | undefined {
  if (text === '') return Buffer.alloc(0);
  const bytes = text.split(',').map(byteOfKey);
  return bytes.every((byte) => byte !== undefined) ? Buffer.from(bytes) : undefined;
}

function byteOfKey(key: string): number | undefined {
  if (/^[\u0021-\u007e]$/u.test(key)) return key.charCodeAt(0);
  // With the flags i and u together V8 would take a millisecond and more to compile the expression.
  const match = /^[Cc][Tt][Rr][Ll]-([A-Za-z@[\\\]^_])$/u.exec(key);
  return match?.[1] === undefined ? undefined : match[1].toUpperCase().charCodeAt(0) & 0x1f;
}

/** Looks for the keys in what is typed, and holds back a beginning of them until it is known what it is. */
export class DetachScanner {
  private matched = 0;
  private readonly keys: Buffer;

  constructor(keys: Buffer) {
    this.keys = keys;
  }

  /** What goes on to the container, and whether the keys were typed: whatever follows them is dropped. */
  scan(bytes: Buffer): { readonly pass: Buffer; readonly isDetached: boolean } {
    if (this.keys.length === 0) return { pass: bytes, isDetached: false };
    const pass: number[] = [];
    for (const byte of bytes) {
      if (byte !== this.keys[this.matched]) pass.push(...this.giveUp());
      if (byte === this.keys[this.matched]) this.matched += 1;
      else pass.push(byte);
      if (this.matched === this.keys.length) return { pass: Buffer.from(pass), isDetached: true };
    }
    return { pass: Buffer.from(pass), isDetached: false };
  }

  private giveUp(): Buffer {
    const held = this.keys.subarray(0, this.matched);
    this.matched = 0;
    return held;
  }
}
