/** Our own stdout and stderr, whatever they are: a terminal, a pipe, a file; in the process whose they are. */
import { fstatSync, writeSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { isatty, WriteStream } from 'node:tty';
import { errnoOf } from '../errors/hutch-error.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

const STDERR = 2;
/** PIPE_BUF: what a pipe that can be written to takes without waiting. Source: pipe(7). */
const AT_ONCE_BYTES = 4096;
/** Who writes more than this is better served by a stream. */
const FIRST_BYTES = 65_536;

/** Unlike process.stdout it can be closed, so that nothing of a terminal stays open in a monitor that goes on without it. */
export class LocalOutput {
  private readonly fd: number;
  private readonly syscalls: () => Syscalls;
  private readonly onReady: () => void;
  private readonly onGone: () => void;
  private readonly stats: () => Stats;
  private stream: Socket | WriteStream | null | undefined;
  private isGone = false;
  private firstLeft = FIRST_BYTES;

  constructor(fd: number, syscalls: () => Syscalls, on: { readonly ready: () => void; readonly gone: () => void }) {
    this.fd = fd;
    this.syscalls = syscalls;
    let stats: Stats | undefined;
    this.stats = () => (stats ??= fstatSync(fd));
    this.onReady = on.ready;
    this.onGone = on.gone;
  }

  /** False when it can take no more until `ready` calls. Opened at the first byte: most runs that are quick are also quiet. */
  write(bytes: Buffer): boolean {
    if (this.isGone) return true;
    const rest = this.stream === undefined ? this.writeAtOnce(bytes) : bytes;
    if (rest.length === 0) return true;
    if (this.stream === undefined) this.stream = this.open();
    return this.stream === null ? this.writeNow(rest) : this.stream.write(rest);
  }

  get needsEvents(): boolean {
    return this.stream !== undefined && this.stream !== null && !this.isGone;
  }

  /** Resolves when all has been passed on, or nobody reads it. */
  flush(): Promise<void> {
    const { stream } = this;
    if (stream === undefined || stream === null || this.isGone) return Promise.resolve();
    return new Promise((resolve) => {
      stream.once('close', resolve);
      stream.write('', () => {
        resolve();
      });
    });
  }

  close(): void {
    this.isGone = true;
    this.stream?.destroy();
  }

  private open(): Socket | WriteStream | null {
    const stream = this.openStream();
    stream?.on('error', () => {
      this.gone();
    });
    stream?.on('drain', this.onReady);
    if (this.fd === STDERR && stream !== null) becomeStderr(stream);
    return stream;
  }

  /** Returns what is left. A pipe or terminal whose reader keeps pace needs no stream, which takes milliseconds to load. */
  private writeAtOnce(bytes: Buffer): Buffer {
    this.firstLeft -= bytes.length;
    if (this.firstLeft < 0 || (!this.stats().isFIFO() && !this.stats().isCharacterDevice())) return bytes;
    let rest = bytes;
    try {
      while (rest.length > 0 && this.syscalls().isWritableNow(this.fd)) {
        rest = rest.subarray(writeSync(this.fd, rest.subarray(0, AT_ONCE_BYTES)));
      }
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      // Somebody else has filled it, or nobody reads it any more: a stream waits, or says so.
    }
    return rest;
  }

  private openStream(): Socket | WriteStream | null {
    const stats = this.stats();
    if (stats.isFIFO() || stats.isSocket()) return new Socket({ fd: this.fd, readable: false, writable: true });
    return stats.isCharacterDevice() && isatty(this.fd) ? new WriteStream(this.fd) : null;
  }

  private writeNow(bytes: Buffer): boolean {
    try {
      for (let offset = 0; offset < bytes.length;) offset += writeSync(this.fd, bytes, offset);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.gone();
    }
    return true;
  }

  private gone(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.onGone();
    this.onReady();
  }
}

/**
 * Node compares each socket that it closes with process.stderr, which opens the descriptor once more. As long as a write of ours is waiting, that
 * fails with EEXIST, and the socket stays open: a payload's stdin then never ends. Source: lib/net.js, uv_pipe_open() of libuv.
 */
function becomeStderr(stream: Socket | WriteStream): void {
  Object.defineProperty(process, 'stderr', { value: stream, configurable: true, enumerable: true, writable: true });
}
