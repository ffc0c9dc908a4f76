/** The modes and the size of the terminal that a client sits at; in the client's process. */
import { isatty } from 'node:tty';
import { IOCTL, OPOST } from '../linux/flags.ts';
import type { Syscalls } from '../syscall/syscalls.ts';

/** Puts the terminal on stdin into raw mode; the result puts it back, as does any exit of this process. */
export function goRaw(): () => void {
  process.stdin.setRawMode(true);
  const restore = (): void => {
    process.off('exit', restore);
    if (!process.stdin.destroyed) process.stdin.setRawMode(false);
  };
  process.once('exit', restore);
  return restore;
}

/**
 * The container's terminal has made its line feeds into two characters already: the caller's must not do so once more. Node's
 * raw mode is about input only. struct termios begins with the input and the output flags. Source: ioctl_tty(2), termios(3).
 */
export function passOutputUnchanged(syscalls: Syscalls, fd: number): () => void {
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
  const restore = (): void => {
    process.off('exit', restore);
    try {
      change((old) => old | processed);
    } catch {
      // The terminal is gone.
    }
  };
  process.once('exit', restore);
  return restore;
}

/** Rows and columns of the terminal at `fd`; undefined when it is none. */
export function windowSize(syscalls: Syscalls, fd: number): { rows: number; columns: number } | undefined {
  if (!isatty(fd)) return undefined;
  const buffer = Buffer.alloc(8);
  syscalls.ioctlBuffer(fd, IOCTL.TIOCGWINSZ, buffer);
  return { rows: buffer.readUInt16LE(0), columns: buffer.readUInt16LE(2) };
}
