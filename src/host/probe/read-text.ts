/** Reading the small files by which the kernel and the system describe themselves; on the host's side. */
import { readFileSync } from 'node:fs';

/** The text of a file without the white space around it; null when it is not there or may not be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** The number in a file such as those in /proc/sys; null when there is none. */
export function readNumber(path: string): number | null {
  const text = readText(path);
  return text === null || !/^-?\d+$/u.test(text) ? null : Number(text);
}

/** A field of /proc/self/status such as `NoNewPrivs`; null when this kernel does not show it. Source: proc(5). */
export function statusField(name: string, status: string | null = readText('/proc/self/status')): string | null {
  const line = status?.split('\n').find((candidate) => candidate.startsWith(`${name}:`));
  return line === undefined ? null : line.slice(name.length + 1).trim();
}
