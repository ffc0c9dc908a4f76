/** The mounts that this process sees, from /proc/self/mountinfo; on the host's side. Source: proc_pid_mountinfo(5). */
import { realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { readText } from './read-text.ts';

export interface Mount {
  readonly target: string;
  readonly type: string;
  readonly source: string;
  /** Of this mount (`ro`, `nosuid`, …), not of its file system. */
  readonly options: readonly string[];
}

/** The mounts of a mountinfo text, in its order: a later one may cover an earlier one. Ill-formed lines are left out. */
export function parseMountTable(text: string): Mount[] {
  return text.split('\n').flatMap(parseLine);
}

function parseLine(line: string): Mount[] {
  const [fields = '', rest] = line.split(' - ', 2);
  const [, , , , target, options] = fields.split(' ');
  const [type, source] = (rest ?? '').split(' ');
  if (target === undefined || options === undefined || type === undefined || source === undefined) return [];
  return [{ target: unescape(target), type, source: unescape(source), options: options.split(',') }];
}

// Space, tab, newline and backslash are written as three octal digits.
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/gu, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

export function readMountTable(): Mount[] {
  return parseMountTable(readText('/proc/self/mountinfo') ?? '');
}

/** The mount that an absolute, resolved path lies on: the deepest target above it, of equal ones the last. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts
    .filter(({ target }) => isAtOrBelow(path, target))
    .reduce<Mount | undefined>(
      (best, next) => (next.target.length >= (best?.target.length ?? 0) ? next : best),
      undefined,
    );
}

/** The mount targets below /proc: with them, a fresh proc cannot be mounted in a user namespace. */
export function targetsBelowProc(mounts: readonly Mount[]): string[] {
  return mounts.map(({ target }) => target).filter((target) => target !== '/proc' && isAtOrBelow(target, '/proc'));
}

function isAtOrBelow(path: string, target: string): boolean {
  return target === '/' || path === target || path.startsWith(`${target}/`);
}

/** A path without symbolic links; of one that is not there yet, the nearest directory above it that is. */
export function nearestExisting(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === '/' || path === '.' ? '/' : nearestExisting(dirname(path));
  }
}
