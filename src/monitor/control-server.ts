/** The control socket of a container, by which clients reach its monitor; in the monitor. */
import { chmodSync, closeSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import {
  encodeFrame,
  encodeMessage,
  FRAME,
  FrameReader,
  type ControlRequest,
  type Frame,
} from '../protocol/control.ts';
import { isSocketOfOurs } from './peer.ts';
import { controlPath, makeControlDirectory, shortControlPath } from './control-path.ts';
import type { NetworkAttachment } from '../state/network-record.ts';
import type { Store } from '../state/store.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import type { StreamClient, StreamHub } from './stream-hub.ts';
import type { StreamName } from './log-writer.ts';

/** What clients may ask of a monitor. */
export interface Controls {
  readonly hub: StreamHub;
  readonly terminal: boolean;
  readonly interactive: boolean;
  readonly stdinOnce: boolean;
  /** `by`: the command that asks for it, as that says. */
  signal(signal: number, by: string | undefined): void;
  stop(request: Extract<ControlRequest, { request: 'stop' }>): void;
  /** Holds all processes, or lets them go on. Throws a HutchError when it cannot. */
  hold(isHeld: boolean): Promise<void>;
  /** Throws a HutchError when it cannot. */
  connect(attachment: NetworkAttachment): Promise<void>;
  disconnect(network: string): Promise<void>;
  attached(): void;
  renamed(): void;
}

/** How long the last words may take to reach the clients. */
const FAREWELL_MS = 1000;

export class ControlServer {
  private server: Server | undefined;
  /** Listens, and nobody answers there yet. */
  private waiting: number | undefined;
  private isServing = false;
  private readonly connections = new Set<Connection>();
  private readonly store: Store;
  private readonly id: string;
  private readonly syscalls: () => Syscalls;
  private readonly controls: Controls;

  constructor(store: Store, id: string, { syscalls, controls }: { syscalls: () => Syscalls; controls: Controls }) {
    this.store = store;
    this.id = id;
    this.syscalls = syscalls;
    this.controls = controls;
  }

  /** Clients can connect from now on, and wait until they are served. What a dead monitor has left is replaced. Throws SyscallError. */
  open(): void {
    makeControlDirectory(this.store);
    rmSync(controlPath(this.store, this.id), { force: true });
    using short = shortControlPath(this.store, this.id);
    this.waiting = this.syscalls().listenUnix(short.path, BACKLOG);
    chmodSync(controlPath(this.store, this.id), 0o600);
    if (this.isServing) this.serve();
  }

  /** The descriptor at which clients wait, before it serves. */
  waitingAt(): readonly number[] {
    return this.waiting === undefined ? [] : [this.waiting];
  }

  /** Answers those who have connected and all who will, as soon as it is open. */
  serve(): void {
    this.isServing = true;
    if (this.waiting === undefined) return;
    this.server = createServer((socket) => this.welcome(socket));
    serveAt(this.server, this.waiting);
    this.waiting = undefined;
  }

  private welcome(socket: Socket): void {
    if (!isSocketOfOurs(this.syscalls(), socket)) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, this.controls);
    this.connections.add(connection);
    socket.once('close', () => this.connections.delete(connection));
  }

  /** Tells every client how the container ended, and closes when they have heard it. */
  async end(code: number): Promise<void> {
    rmSync(controlPath(this.store, this.id), { force: true });
    this.server?.close();
    if (this.waiting !== undefined) closeSync(this.waiting);
    this.waiting = undefined;
    const patience = new Promise((resolve) => setTimeout(resolve, FAREWELL_MS));
    const farewells = [...this.connections].map((connection) => connection.end(code));
    if (farewells.length > 0) await Promise.race([Promise.all(farewells), patience]);
  }
}

/** What net.Server has listen() call, after it has loaded the whole of node:cluster: two milliseconds of every start. */
interface Listening {
  readonly _listen2?: (address: null, port: null, addressType: null, backlog: number, fd: number) => void;
}

const BACKLOG = 511;

function serveAt(server: Server, fd: number): void {
  const inner = server as unknown as Listening;
  if (inner._listen2 === undefined) server.listen({ fd });
  else inner._listen2(null, null, null, BACKLOG, fd);
}

/** One client. */
class Connection implements StreamClient {
  readonly needsEvents = true;
  private readonly reader = new FrameReader();
  private readonly socket: Socket;
  private readonly controls: Controls;
  private isAttached = false;
  private mayWrite = false;

  constructor(socket: Socket, controls: Controls) {
    this.socket = socket;
    this.controls = controls;
    socket
      .on('data', (bytes) => {
        this.hear(bytes);
      })
      .on('drain', () => {
        controls.hub.ready(this);
      })
      .on('error', () => socket.destroy())
      .once('close', () => {
        this.leave();
      });
  }

  connected(): void {
    // A client learns nothing by it: output speaks for itself.
  }

  take(stream: StreamName, bytes: Buffer): boolean {
    return this.socket.write(encodeFrame(stream === 'stdout' ? FRAME.output : FRAME.error, bytes));
  }

  end(code: number): Promise<void> {
    return new Promise((resolve) => {
      this.socket.once('close', resolve);
      this.socket.end(encodeMessage({ event: 'ended', code }));
    });
  }

  private hear(bytes: Buffer): void {
    try {
      for (const frame of this.reader.push(bytes)) this.answer(frame);
    } catch {
      // Whatever that is, it is no client of ours.
      this.socket.destroy();
    }
  }

  private answer({ kind, payload }: Frame): void {
    if (kind === FRAME.message) {
      this.obey(JSON.parse(payload.toString('utf8')) as ControlRequest);
      return;
    }
    if (kind !== FRAME.input || !this.mayWrite || this.controls.hub.write(payload)) return;
    this.socket.pause();
    this.controls.hub.onInputReady(() => this.socket.resume());
  }

  private obey(request: ControlRequest): void {
    const { hub } = this.controls;
    switch (request.request) {
      case 'attach':
        this.attach(request.stdin);
        break;
      case 'end_input':
        if (this.mayWrite && this.controls.stdinOnce) hub.endInput();
        break;
      case 'resize':
        hub.resize(request.rows, request.columns);
        break;
      case 'signal':
        this.controls.signal(request.signal, request.by);
        this.socket.write(encodeMessage({ event: 'done' }));
        break;
      case 'stop':
        this.controls.stop(request);
        break;
      case 'renamed':
        this.controls.renamed();
        this.socket.write(encodeMessage({ event: 'done' }));
        break;
      case 'pause':
      case 'unpause':
        void this.answerWhenDone(this.controls.hold(request.request === 'pause'));
        break;
      case 'connect':
        void this.answerWhenDone(this.controls.connect({ network: request.network.name, ...request.attachment }));
        break;
      case 'disconnect':
        void this.answerWhenDone(this.controls.disconnect(request.network));
        break;
      case 'wait':
        break;
    }
  }

  private async answerWhenDone(work: Promise<void>): Promise<void> {
    try {
      await work;
      this.socket.write(encodeMessage({ event: 'done' }));
    } catch (error) {
      this.socket.write(
        encodeMessage({ event: 'refused', reason: error instanceof Error ? error.message : String(error) }),
      );
    }
  }

  private attach(stdin: boolean): void {
    const { hub, terminal, interactive } = this.controls;
    this.isAttached = true;
    this.mayWrite = stdin && interactive;
    this.socket.write(encodeMessage({ event: 'attached', terminal, interactive }));
    hub.attach(this);
    this.controls.attached();
  }

  private leave(): void {
    if (this.isAttached) this.controls.hub.detach(this);
  }
}
