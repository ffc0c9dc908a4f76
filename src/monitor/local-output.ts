/** Our own stdout and stderr, whatever they are: a terminal, a pipe, a file; in the process whose they are. */
import { fstatSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty, WriteStream } from 'node:tty';
import { errnoOf } from '../errors/hutch-error.ts';

const STDERR = 2;

/** Unlike process.stdout it can be closed, so that nothing of a terminal stays open in a monitor that goes on without it. */
export class LocalOutput {
  private readonly fd: number;
  private readonly onReady: () => void;
  private readonly onGone: () => void;
  private stream: Socket | WriteStream | null | undefined;
  private isGone = false;

  constructor(fd: number, on: { readonly ready: () => void; readonly gone: () => void }) {
    this.fd = fd;
    this.onReady = on.ready;
    this.onGone = on.gone;
  }

  /** False when it can take no more until `ready` calls. Opened at the first byte: most runs that are quick are also quiet. */
  write(bytes: Buffer): boolean {
    if (this.isGone) return true;
    if (this.stream === undefined) this.stream = this.open();
    return this.stream === null ? this.writeNow(bytes) : this.stream.write(bytes);
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

  private openStream(): Socket | WriteStream | null {
    if (isatty(this.fd)) return new WriteStream(this.fd);
    const stats = fstatSync(this.fd);
    return stats.isFIFO() || stats.isSocket() ? new Socket({ fd: this.fd, readable: false, writable: true }) : null;
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
