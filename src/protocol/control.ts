/**
 * What a client (`hutch attach`, `stop`, `wait` …) and the monitor of a container say to each other on the control socket: frames of one
 * byte kind, four bytes length (big endian), payload; pure.
 */

import type { HubNetwork, HubWish } from './hub.ts';

/** A message is JSON; `input` goes to the payload's stdin, `output` and `error` come from it. */
export const FRAME = { message: 0, input: 1, output: 2, error: 3 } as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

/** From the client to the monitor. */
export type ControlRequest =
  /** Output comes from now on; with `stdin` the client may send input. */
  | { readonly request: 'attach'; readonly stdin: boolean }
  /** The client's stdin has ended. */
  | { readonly request: 'end_input' }
  | { readonly request: 'resize'; readonly rows: number; readonly columns: number }
  /** `by`: the command that wants it, for the record. */
  | { readonly request: 'signal'; readonly signal: number; readonly by?: string }
  /** Null: as the container's record says. Answered by `ended`. */
  | {
      readonly request: 'stop';
      readonly signal: number | null;
      readonly timeoutSeconds: number | null;
      readonly by?: string;
    }
  /** Answered by `done` when every process of it stands still, or goes on. */
  | { readonly request: 'pause' | 'unpause' }
  | { readonly request: 'wait' }
  /** Be on another network of the user's, by the next free device; answered by `done` or `refused`. */
  | {
      readonly request: 'connect';
      readonly network: HubNetwork;
      readonly attachment: Pick<HubWish, 'aliases' | 'ip' | 'mac'>;
    }
  /** Be no longer on the network of that name; answered by `done` or `refused`. */
  | { readonly request: 'disconnect'; readonly network: string }
  /** The container's record has another name; answered by `done`. */
  | { readonly request: 'renamed' };

/** From the monitor to the client. */
export type ControlEvent =
  | { readonly event: 'attached'; readonly terminal: boolean; readonly interactive: boolean }
  | { readonly event: 'done' }
  | { readonly event: 'refused'; readonly reason: string }
  /** The container has ended for good, and its end is on record. */
  | { readonly event: 'ended'; readonly code: number };

const HEADER_BYTES = 5;
/** More than any frame that either side sends. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;

export function encodeFrame(kind: FrameKind, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

export function encodeMessage(message: ControlRequest | ControlEvent): Buffer {
  return encodeFrame(FRAME.message, Buffer.from(JSON.stringify(message)));
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  private unread: Buffer = Buffer.alloc(0);

  /** The frames that are whole with these bytes. Throws for what is no frame. */
  push(bytes: Buffer): Frame[] {
    this.unread = this.unread.length === 0 ? bytes : Buffer.concat([this.unread, bytes]);
    const frames: Frame[] = [];
    for (let frame = this.next(); frame !== undefined; frame = this.next()) frames.push(frame);
    return frames;
  }

  private next(): Frame | undefined {
    if (this.unread.length < HEADER_BYTES) return undefined;
    const kind = this.unread.readUInt8(0);
    const length = this.unread.readUInt32BE(1);
    if (kind > FRAME.error || length > MAX_PAYLOAD_BYTES) throw new Error(`no frame: kind ${kind}, ${length} bytes`);
    const end = HEADER_BYTES + length;
    if (this.unread.length < end) return undefined;
    const payload = this.unread.subarray(HEADER_BYTES, end);
    this.unread = this.unread.subarray(end);
    return { kind: kind as FrameKind, payload };
  }
}
