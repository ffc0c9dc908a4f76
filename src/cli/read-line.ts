/** Asking the user for a line, seen or unseen; in the CLI process. */
import { readSync } from 'node:fs';
import { errnoOf } from '../errors/hutch-error.ts';
import { writeErr } from './output.ts';

/** A line of stdin; undefined at its end. */
export function readLine(): string | undefined {
  const bytes: number[] = [];
  for (;;) {
    const byte = readByte();
    if (byte === undefined && bytes.length === 0) return undefined;
    if (byte === undefined || byte === LINE_FEED) return Buffer.from(bytes).toString('utf8');
    bytes.push(byte);
  }
}

/** A line that a terminal does not show; from anything else just a line. Undefined at the end of stdin. */
export function readSecret(question: string): string | undefined {
  if (!process.stdin.isTTY) return readLine();
  writeErr(question);
  process.stdin.setRawMode(true);
  try {
    return readUnseen();
  } finally {
    process.stdin.setRawMode(false);
    writeErr('\n');
  }
}

const [INTERRUPT, END, LINE_FEED, RETURN, BACKSPACE, DELETE] = [3, 4, 10, 13, 8, 127];

function readUnseen(): string | undefined {
  const bytes: number[] = [];
  for (;;) {
    const byte = readByte();
    if (byte === INTERRUPT || byte === undefined || (byte === END && bytes.length === 0)) return undefined;
    if (byte === LINE_FEED || byte === RETURN || byte === END) return Buffer.from(bytes).toString('utf8');
    if (byte !== BACKSPACE && byte !== DELETE) bytes.push(byte);
    else bytes.splice(0, bytes.length, ...Buffer.from(Buffer.from(bytes).toString('utf8').slice(0, -1)));
  }
}

function readByte(): number | undefined {
  const byte = Buffer.alloc(1);
  for (;;) {
    try {
      return readSync(0, byte) === 0 ? undefined : byte[0];
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
