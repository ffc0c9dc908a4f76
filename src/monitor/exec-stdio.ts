/** Connecting the pipes or terminal of an exec to the streams of the calling process; in the CLI process. */
import { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { IOCTL, OPOST } from '../linux/flags.ts';
import type { InitMessage } from '../protocol/messages.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

type StdioMessage = Extract<InitMessage, { event: 'init_stdio' }>;

/** A connection to a payload: `drained` resolves when everything it wrote has been passed on. */
export interface ConnectedStdio extends Disposable {
  readonly drained: Promise<void>;
  /** Resolves as `drained` does, or when for `quietMs` nothing has come: whoever wrote is gone, but others still hold its pipes. */
  settled(quietMs: number): Promise<void>;
}

/** When something came last (performance.now()), and whether our own reader holds up what else there is. */
interface Activity {
  last: number;
  isHeldUp: boolean;
  isOver: boolean;
}

async function settled(drained: Promise<void>, activity: Activity, quietMs: number): Promise<void> {
  void drained.then(() => (activity.isOver = true));
  activity.last = performance.now();
  while (!activity.isOver && (activity.isHeldUp || performance.now() - activity.last < quietMs)) {
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, quietMs / 4))]);
    // A timer may be late: what has come meanwhile is looked at first.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Copies the descriptors that init names out of process `pid` and connects them. The terminal of the caller goes raw. */
export function connectStdio(
  syscalls: Syscalls,
  pid: number,
  message: StdioMessage,
  interactive: boolean,
): ConnectedStdio {
  const pidfd = syscalls.pidfd_open(pid);
  try {
    const fetch = (fd: number): number => syscalls.pidfd_getfd(pidfd, fd);
    if ('terminal' in message) return connectTerminal(syscalls, fetch(message.terminal), interactive);
    return connectPipes(
      message.stdin === null ? null : fetch(message.stdin),
      fetch(message.stdout),
      fetch(message.stderr),
    );
  } finally {
    syscalls.close(pidfd);
  }
}

function connectPipes(stdin: number | null, stdout: number, stderr: number): ConnectedStdio {
  const activity: Activity = { last: 0, isHeldUp: false, isOver: false };
  const drained = Promise.all([
    passOn(stdout, () => process.stdout, activity),
    passOn(stderr, () => process.stderr, activity),
  ]).then(() => undefined);
  const input = stdin === null ? undefined : new Socket({ fd: stdin, readable: false, writable: true });
  if (input !== undefined) {
    // A payload that does not read its input is no error of hutch.
    input.on('error', () => process.stdin.unpipe(input));
    process.stdin.on('error', () => input.end()).pipe(input);
  }
  return {
    drained,
    settled: (quietMs) => settled(drained, activity, quietMs),
    [Symbol.dispose]: () => {
      if (input === undefined) return;
      process.stdin.unpipe(input).destroy();
      input.destroy();
    },
  };
}

/** Our own stream is opened at the first byte: most runs that are quick are also quiet. */
function passOn(fd: number, open: () => NodeJS.WriteStream, activity: Activity): Promise<void> {
  const source = new Socket({ fd, readable: true, writable: false });
  return new Promise((resolve) => {
    let target: NodeJS.WriteStream | undefined;
    source.on('data', (bytes: Buffer) => {
      // Whoever reads our output has gone: the payload learns it by SIGPIPE.
      target ??= open().on('error', () => source.destroy());
      activity.last = performance.now();
      if (!target.write(bytes)) {
        source.pause();
        activity.isHeldUp = true;
        target.once('drain', () => {
          activity.isHeldUp = false;
          source.resume();
        });
      }
    });
    source
      .on('error', () => undefined)
      .once('close', () => {
        if (target === undefined) resolve();
        else
          target.write('', () => {
            resolve();
          });
      });
  });
}

function connectTerminal(syscalls: Syscalls, master: number, interactive: boolean): ConnectedStdio {
  const terminal = new ReadStream(master);
  const resize = (): void => {
    syscalls.ioctlBuffer(master, IOCTL.TIOCSWINSZ, windowSize());
  };
  if (process.stdout.isTTY) resize();
  process.stdout.on('resize', resize);
  const restore = interactive && process.stdin.isTTY ? goRaw() : () => undefined;
  const restoreOutput = process.stdout.isTTY ? passOutputUnchanged(syscalls) : () => undefined;
  process.once('exit', restoreOutput);
  const type = (bytes: Buffer): void => void terminal.write(bytes);
  if (interactive) process.stdin.on('data', type).resume();
  const activity: Activity = { last: 0, isHeldUp: false, isOver: false };
  const drained = new Promise<void>((resolve) => {
    terminal.on('data', (bytes: Buffer) => {
      activity.last = performance.now();
      if (!process.stdout.write(bytes)) {
        terminal.pause();
        activity.isHeldUp = true;
        process.stdout.once('drain', () => {
          activity.isHeldUp = false;
          terminal.resume();
        });
      }
    });
    process.stdout.on('error', () => terminal.destroy());
    // The last close of the other side reads as EIO: the usual end of a terminal.
    terminal
      .on('error', () => terminal.destroy())
      .once('close', () => {
        process.stdout.write('', () => {
          resolve();
        });
      });
  });
  return {
    drained,
    settled: (quietMs) => settled(drained, activity, quietMs),
    [Symbol.dispose]: () => {
      process.stdout.off('resize', resize);
      process.stdin.off('data', type);
      process.off('exit', restoreOutput);
      restoreOutput();
      restore();
      if (interactive) process.stdin.destroy();
    },
  };
}

/** Puts the caller's terminal into raw mode; the result puts it back, as does any exit of this process. */
function goRaw(): () => void {
  process.stdin.setRawMode(true);
  const restore = (): void => {
    if (!process.stdin.destroyed) process.stdin.setRawMode(false);
  };
  process.once('exit', restore);
  return restore;
}

/**
 * The container's terminal has made its line feeds into two characters already: the caller's must not do so once more. Node's
 * raw mode is about input only. struct termios begins with the input and the output flags. Source: ioctl_tty(2), termios(3).
 */
function passOutputUnchanged(syscalls: Syscalls): () => void {
  const { fd } = process.stdout;
  const termios = Buffer.alloc(64);
  const change = (flags: (old: number) => number): void => {
    syscalls.ioctlBuffer(fd, IOCTL.TCGETS, termios);
    termios.writeUInt32LE(flags(termios.readUInt32LE(4)) >>> 0, 4);
    syscalls.ioctlBuffer(fd, IOCTL.TCSETS, termios);
  };
  let processed = 0;
  change((old) => {
    processed = old & OPOST;
    return old & ~OPOST;
  });
  return () => {
    change((old) => old | processed);
  };
}

/** struct winsize: rows, columns, and no pixels. Source: ioctl_tty(2). */
function windowSize(): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeUInt16LE(process.stdout.rows, 0);
  buffer.writeUInt16LE(process.stdout.columns, 2);
  return buffer;
}
