/** A connection to a D-Bus peer, a bus or systemd itself, over a Unix socket; on the host's side. Source: D-Bus Specification, "Authentication Protocol". */
import { connect, type Socket } from 'node:net';
import { decodeMessage, encodeMessage, MESSAGE, messageLength, type DbusValue, type Message } from './dbus-message.ts';

/** What the other side answers instead of a result. */
export class DbusError extends Error {
  readonly errorName: string;
  constructor(errorName: string, message: string) {
    super(message === '' ? errorName : message);
    this.errorName = errorName;
  }
}

export interface Call {
  readonly destination?: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly DbusValue[];
}

/** A busy host takes its time; one that never answers is rare. */
const CONNECT_TIMEOUT_MS = 10_000;
const CALL_TIMEOUT_MS = 30_000;
const LINE_END = '\r\n';
const MAX_LINE_BYTES = 16_384;

/** Connects and proves by the socket's credentials that we are `uid`, as the kernel outside of user namespaces counts. */
export async function openConnection(path: string, uid: number): Promise<Connection> {
  const socket = await connected(path);
  try {
    socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}${LINE_END}`);
    const [line, rest] = await firstLine(socket);
    if (!line.startsWith('OK ')) throw new DbusError('hutch.Refused', `the connection was refused: ${line}`);
    socket.write(`BEGIN${LINE_END}`);
    return new Connection(socket, rest);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(late(`connect to ${path}`)), CONNECT_TIMEOUT_MS);
    socket.once('error', fail).once('connect', () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

/** The line, and what has come behind it. */
function firstLine(socket: Socket): Promise<[string, Buffer]> {
  return new Promise((resolve, reject) => {
    let read = Buffer.alloc(0);
    const end = (act: () => void): void => {
      clearTimeout(timer);
      socket.off('data', hear).off('error', fail).off('close', closed);
      act();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const closed = (): void => fail(new DbusError('hutch.Closed', 'the connection was closed'));
    const hear = (bytes: Buffer): void => {
      read = Buffer.concat([read, bytes]);
      const at = read.indexOf(LINE_END);
      if (at >= 0) end(() => resolve([read.toString('utf8', 0, at), read.subarray(at + LINE_END.length)]));
      else if (read.length > MAX_LINE_BYTES) fail(new DbusError('hutch.Refused', 'no peer of D-Bus listens there'));
    };
    const timer = setTimeout(() => fail(late('authenticate')), CONNECT_TIMEOUT_MS);
    socket.on('data', hear).on('error', fail).on('close', closed);
  });
}

interface Waiting {
  readonly resolve: (body: readonly DbusValue[]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class Connection implements Disposable {
  private readonly socket: Socket;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Set<(signal: Message) => void>();
  private unread: Buffer;
  private serial = 0;

  constructor(socket: Socket, unread: Buffer) {
    this.socket = socket;
    this.unread = unread;
    socket
      .on('data', (bytes: Buffer) => {
        this.hear(bytes);
      })
      .on('error', (error) => {
        this.failAll(new DbusError('hutch.Closed', `the connection has failed: ${error.message}`));
      })
      .on('close', () => {
        this.failAll(new DbusError('hutch.Closed', 'the connection was closed'));
      });
    if (unread.length > 0) this.hear(Buffer.alloc(0));
  }

  /** Sends a call and resolves with what it returns. DbusError when the other side answers with an error, or not in time. */
  call({ body = [], ...call }: Call): Promise<readonly DbusValue[]> {
    const serial = (this.serial += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(serial);
        reject(late(call.member));
      }, CALL_TIMEOUT_MS).unref();
      this.waiting.set(serial, { resolve, reject, timer });
      this.socket.write(encodeMessage({ type: MESSAGE.call, serial, ...call, body }));
    });
  }

  /** Calls `hear` for every signal, until the result is disposed of. */
  onSignal(hear: (signal: Message) => void): Disposable {
    this.listeners.add(hear);
    return { [Symbol.dispose]: () => void this.listeners.delete(hear) };
  }

  /** Whether it keeps this process alive. */
  hold(isHeld: boolean): void {
    if (isHeld) this.socket.ref();
    else this.socket.unref();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private hear(bytes: Buffer): void {
    this.unread = this.unread.length === 0 ? bytes : Buffer.concat([this.unread, bytes]);
    try {
      for (let length = messageLength(this.unread); length !== undefined && length <= this.unread.length;) {
        const message = this.unread.subarray(0, length);
        this.unread = this.unread.subarray(length);
        this.take(decodeMessage(message));
        length = messageLength(this.unread);
      }
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.failAll(new DbusError('hutch.Garbled', `what came is no message of D-Bus: ${words}`));
      this.socket.destroy();
    }
  }

  private take(message: Message): void {
    if (message.type === MESSAGE.signal) {
      for (const hear of this.listeners) hear(message);
      return;
    }
    const waiting = this.waiting.get(message.replySerial ?? 0);
    if (waiting === undefined) return;
    this.waiting.delete(message.replySerial ?? 0);
    clearTimeout(waiting.timer);
    if (message.type === MESSAGE.reply) waiting.resolve(message.body);
    else waiting.reject(new DbusError(message.errorName ?? '', String(message.body[0] ?? '')));
  }

  private failAll(error: Error): void {
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.waiting.clear();
  }
}

function late(what: string): DbusError {
  return new DbusError('hutch.Timeout', `no answer in time: ${what}`);
}
