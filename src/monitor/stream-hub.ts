/** Where a payload's streams meet: what it writes goes to the log and to every client, what clients type goes to it; in the monitor. */
import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { IOCTL, O } from '../linux/flags.ts';
import type { InitMessage } from '../protocol/messages.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import type { EarlySource } from './first-moment.ts';
import type { LogWriter, StreamName } from './log-writer.ts';

export type StdioMessage = Extract<InitMessage, { event: 'init_stdio' }>;

/** The monitor's ends of a payload's stdio: descriptors of this process. */
export type StdioEnds =
  { readonly terminal: number } | { readonly stdin: number | null; readonly stdout: number; readonly stderr: number };

/** Copies the ends that init offers; `fetch` takes a descriptor out of init. Throws when init has ended meanwhile: the reason is on its way. */
export function fetchEnds(message: StdioMessage, fetch: (fd: number) => number): StdioEnds {
  if ('terminal' in message) return { terminal: fetch(message.terminal) };
  const [stdout, stderr] = [fetch(message.stdout), fetch(message.stderr)];
  return { stdout, stderr, stdin: message.stdin === null ? null : fetch(message.stdin) };
}

/** The payload as a client sees it, in this process or behind the control socket. */
export interface PayloadEnd {
  /** Hands input on; false when no more should come until `onInputReady` calls. */
  write(bytes: Buffer): boolean;
  onInputReady(call: () => void): void;
  endInput(): void;
  resize(rows: number, columns: number): void;
  /** The client can take output again. */
  ready(client: StreamClient): void;
  /** Nobody reads this stream any more: the payload learns it by SIGPIPE. */
  shut(stream: StreamName): void;
}

export interface StreamClient {
  /** The payload's streams are there, for the first time or again. */
  connected(): void;
  /** Takes output; false when it can take no more until it says `ready`. */
  take(stream: StreamName, bytes: Buffer): boolean;
  /** What it has taken is still on its way, and goes on by the process's events. */
  readonly needsEvents: boolean;
}

type Source = Socket | ReadStream;

/** What a pipe holds. */
const READ_BYTES = 65_536;

/** Nothing is dropped: as long as one client can take no more, the payload waits. */
export class StreamHub implements PayloadEnd {
  /** Null: what is written is kept nowhere. */
  log: LogWriter | null = null;
  private readonly clients = new Set<StreamClient>();
  private readonly full = new Set<StreamClient>();
  private readonly sources = new Map<StreamName, Source>();
  /** Pipes that are read in the first moment, by themselves. */
  private readonly early = new Map<StreamName, EarlySource & { readonly ended: () => void }>();
  private isLasting = true;
  private input: Source | undefined;
  private terminal: number | undefined;
  /** The payload's side of it, held open. */
  private kept: number | undefined;
  private earlyInput: Buffer[] = [];
  private isConnected = false;
  private hasInputEnded = false;
  private inputReady: (() => void)[] = [];
  private syscalls: Syscalls | undefined;

  /** A client can take no more for the moment. */
  get isHeldUp(): boolean {
    return this.full.size > 0;
  }

  /** Whether anything goes on by the process's events. */
  get needsEvents(): boolean {
    return this.isLasting || [...this.clients].some((client) => client.needsEvents);
  }

  attach(client: StreamClient): void {
    this.clients.add(client);
    if (this.isConnected) client.connected();
  }

  detach(client: StreamClient): void {
    this.clients.delete(client);
    this.ready(client);
  }

  /** Takes over the ends of a payload's stdio. Resolves when all that it wrote has been handed on. */
  connect(syscalls: Syscalls, ends: StdioEnds): Promise<void> {
    this.syscalls = syscalls;
    const drained = 'terminal' in ends ? this.connectTerminal(ends.terminal) : this.connectPipes(ends);
    this.isConnected = true;
    // Without an input, or when it has taken all, nothing will say later that it is ready.
    const isFree = this.earlyInput.splice(0).map((bytes) => this.write(bytes));
    if (isFree.at(-1) !== false) this.sayInputReady();
    if (this.hasInputEnded) this.endInput();
    for (const client of this.clients) client.connected();
    if (this.isLasting) this.lasts();
    if (this.isHeldUp) this.pause();
    return drained;
  }

  private connectPipes(ends: Exclude<StdioEnds, { terminal: number }>): Promise<void> {
    const drained = (['stdout', 'stderr'] as const).map(
      (name) => new Promise<void>((resolve) => this.early.set(name, this.earlySource(name, ends[name], resolve))),
    );
    if (ends.stdin !== null) {
      const input = new Socket({ fd: ends.stdin, readable: false, writable: true });
      this.input = input;
      this.hearInput(input);
    }
    return Promise.all(drained).then(() => undefined);
  }

  /** Until lasts() is called, pipes are read as earlySources() has them, and not by the process's events. */
  readEarly(): void {
    this.isLasting = false;
  }

  /** What can be read without waiting for the process's events. */
  earlySources(): readonly EarlySource[] {
    return this.isHeldUp ? [] : [...this.early.values()];
  }

  /** From now on the process's events tell what there is to read. */
  lasts(): void {
    this.isLasting = true;
    for (const [name, { fd, ended }] of this.early) {
      void this.readFrom(name, new Socket({ fd, readable: true, writable: false })).then(ended);
    }
    this.early.clear();
    if (this.isHeldUp) this.pause();
  }

  private earlySource(name: StreamName, fd: number, ended: () => void): EarlySource & { readonly ended: () => void } {
    const read = (): void => {
      const bytes = Buffer.allocUnsafe(READ_BYTES);
      const count = readSync(fd, bytes);
      if (count > 0) this.hear(name, bytes.subarray(0, count));
      else this.endEarly(name);
    };
    return { fd, read, ended };
  }

  private endEarly(name: StreamName): void {
    const source = this.early.get(name);
    if (source === undefined) return;
    this.early.delete(name);
    closeSync(source.fd);
    source.ended();
  }

  private connectTerminal(master: number): Promise<void> {
    const terminal = new ReadStream(master);
    this.terminal = master;
    this.input = terminal;
    this.hearInput(terminal);
    return this.readFrom('stdout', terminal);
  }

  /**
   * Keeps a terminal alive that nobody has open: a systemd closes its console and opens it again for each message, and after an end it would get EIO.
   * Source: ioctl_tty(2), TIOCGPTPEER.
   */
  keepTerminal(): void {
    if (this.terminal === undefined) return;
    this.kept = this.syscalls?.ioctlNumber(this.terminal, IOCTL.TIOCGPTPEER, O.RDWR | O.NOCTTY | O.CLOEXEC);
  }

  /** Nobody is left who could open it. */
  letTerminalGo(): void {
    if (this.kept !== undefined) closeSync(this.kept);
    this.kept = undefined;
  }

  /** The last close of the other side of a terminal reads as EIO: its usual end. */
  private readFrom(name: StreamName, source: Source): Promise<void> {
    this.sources.set(name, source);
    return new Promise((resolve) => {
      source.on('data', (bytes: Buffer) => {
        this.hear(name, bytes);
      });
      source
        .on('error', () => source.destroy())
        .once('close', () => {
          this.sources.delete(name);
          resolve();
        });
    });
  }

  private hearInput(input: Source): void {
    // A payload that does not read its input is no error of hutch.
    input.on('error', () => {
      if (this.input !== input) return;
      this.input = undefined;
      this.sayInputReady();
    });
    input.on('drain', () => {
      this.sayInputReady();
    });
  }

  private sayInputReady(): void {
    for (const call of this.inputReady.splice(0)) call();
  }

  private hear(name: StreamName, bytes: Buffer): void {
    this.log?.write(name, bytes);
    for (const client of this.clients) if (!client.take(name, bytes)) this.full.add(client);
    if (this.full.size > 0) this.pause();
  }

  private pause(): void {
    for (const source of this.sources.values()) source.pause();
  }

  ready(client: StreamClient): void {
    if (!this.full.delete(client) || this.full.size > 0) return;
    for (const source of this.sources.values()) source.resume();
  }

  shut(stream: StreamName): void {
    this.sources.get(stream)?.destroy();
    this.endEarly(stream);
  }

  write(bytes: Buffer): boolean {
    if (!this.isConnected) this.earlyInput.push(bytes);
    return this.input?.write(bytes) ?? this.isConnected;
  }

  onInputReady(call: () => void): void {
    this.inputReady.push(call);
  }

  endInput(): void {
    this.hasInputEnded = true;
    if (this.input instanceof Socket) this.input.end();
  }

  /** struct winsize: rows, columns, and no pixels. Source: ioctl_tty(2). */
  resize(rows: number, columns: number): void {
    if (this.terminal === undefined) return;
    const size = Buffer.alloc(8);
    size.writeUInt16LE(rows, 0);
    size.writeUInt16LE(columns, 2);
    this.syscalls?.ioctlBuffer(this.terminal, IOCTL.TIOCSWINSZ, size);
  }

  /** Lets go of a payload that has ended; the clients stay for the next one. */
  disconnect(): void {
    this.letTerminalGo();
    this.input?.destroy();
    for (const source of this.sources.values()) source.destroy();
    for (const name of [...this.early.keys()]) this.endEarly(name);
    this.input = undefined;
    this.terminal = undefined;
    this.isConnected = false;
    this.sayInputReady();
  }
}
