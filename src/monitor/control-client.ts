/** A connection to the monitor of a container; in the process of a command that asks something of it. */
import { connect, type Socket } from 'node:net';
import { errnoOf } from '../errors/hutch-error.ts';
import { ownCommand } from '../host/own-command.ts';
import {
  encodeFrame,
  encodeMessage,
  FRAME,
  FrameReader,
  type ControlEvent,
  type ControlRequest,
} from '../protocol/control.ts';
import type { Store } from '../state/store.ts';
import { shortControlPath } from './control-path.ts';
import type { PayloadEnd, StreamClient } from './stream-hub.ts';

/** Output comes in frames: what is larger than a part of one is cut. */
const MAX_INPUT_BYTES = 65_536;

/** Connects to the monitor of container `id`; undefined when nobody listens there. */
export async function connectToMonitor(store: Store, id: string): Promise<ControlClient | undefined> {
  const short = shortControlPath(store, id);
  try {
    const socket = connect(short.path);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new ControlClient(socket);
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  } finally {
    short[Symbol.dispose]();
  }
}

export class ControlClient implements PayloadEnd, Disposable {
  /** Gets the output once it is attached. */
  client: StreamClient | undefined;
  /** Resolves with the container's exit code; with null when the monitor has gone without a word. */
  readonly ended: Promise<number | null>;
  /** We have let go of it ourselves. */
  isLetGo = false;
  private readonly socket: Socket;
  private readonly reader = new FrameReader();
  private readonly waiting: ((event: ControlEvent | null) => void)[] = [];
  private code: number | null = null;
  private inputReady: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        for (const hear of this.waiting.splice(0)) hear(null);
        resolve(this.code);
      });
    });
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      this.hear(bytes);
    });
    socket.on('drain', () => {
      for (const call of this.inputReady.splice(0)) call();
    });
  }

  /** A signal goes with the name of the command that sends it. */
  send(request: ControlRequest): void {
    const isSignal = request.request === 'signal' || request.request === 'stop';
    this.socket.write(encodeMessage(isSignal ? { ...request, by: ownCommand() } : request));
  }

  /** Sends a request and resolves with its answer; null when the monitor has gone. */
  ask(request: ControlRequest): Promise<ControlEvent | null> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.send(request);
    });
  }

  write(bytes: Buffer): boolean {
    let isFree = true;
    for (let offset = 0; offset < bytes.length; offset += MAX_INPUT_BYTES) {
      isFree = this.socket.write(encodeFrame(FRAME.input, bytes.subarray(offset, offset + MAX_INPUT_BYTES)));
    }
    return isFree;
  }

  onInputReady(call: () => void): void {
    this.inputReady.push(call);
  }

  endInput(): void {
    this.send({ request: 'end_input' });
  }

  resize(rows: number, columns: number): void {
    this.send({ request: 'resize', rows, columns });
  }

  ready(): void {
    this.socket.resume();
  }

  /** Nobody reads our output: the container goes on without us. */
  shut(): void {
    this.isLetGo = true;
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  private hear(bytes: Buffer): void {
    for (const { kind, payload } of this.reader.push(bytes)) {
      if (kind === FRAME.message) this.hearEvent(JSON.parse(payload.toString('utf8')) as ControlEvent);
      else if (this.client?.take(kind === FRAME.error ? 'stderr' : 'stdout', payload) === false) this.socket.pause();
    }
  }

  private hearEvent(event: ControlEvent): void {
    if (event.event === 'ended') this.code = event.code;
    else this.waiting.shift()?.(event);
  }
}
