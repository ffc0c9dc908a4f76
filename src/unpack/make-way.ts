/**
 * PROGRAM make-way LAYER COPY: removes from COPY, which holds the layers below, what LAYER hides, so that cp(1) may then put LAYER on
 * top. Runs as root of the user's user namespace.
 */
import { lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { OPAQUE } from '../archive/layer-attributes.ts';
import { errnoOf } from '../errors/hutch-error.ts';
import { PR } from '../linux/flags.ts';
import { openFileCalls, type FileCalls } from '../syscall/files.ts';
import { openSyscalls } from '../syscall/syscalls.ts';

const SIGKILL = 9;

/**
 * Compares two directories and goes down where both have one. Whatever is not a directory on both sides goes, symbolic links above all:
 * so neither this program nor cp(1) ever follows a link of the copy, which may lead out of it.
 */
function makeWay(layer: string, copy: string, calls: FileCalls): void {
  for (const name of namesIn(layer)) {
    const [above, below] = [`${layer}/${name}`, `${copy}/${name}`];
    const stats = statOf(below);
    if (stats === undefined) continue;
    const isMerged = stats.isDirectory() && statOf(above)?.isDirectory() === true && !isOpaque(above, calls);
    if (isMerged) makeWay(above, below, calls);
    else rmSync(bytesOf(below), { recursive: true });
  }
}

function isOpaque(path: string, calls: FileCalls): boolean {
  try {
    return calls.lgetxattr(path, OPAQUE.name).equals(OPAQUE.value);
  } catch (error) {
    if (['ENODATA', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

function statOf(path: string): Stats | undefined {
  return lstatSync(bytesOf(path), { throwIfNoEntry: false });
}

function namesIn(directory: string): string[] {
  return readdirSync(bytesOf(directory), { encoding: 'latin1' });
}

function latin1Of(path: string): string {
  return Buffer.from(path).toString('latin1');
}

/** Paths are bytes in latin1 strings. */
function bytesOf(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function main([layer = '', copy = '']: readonly string[]): void {
  openSyscalls().prctl(PR.SET_PDEATHSIG, SIGKILL);
  const calls = openFileCalls();
  makeWay(latin1Of(layer), latin1Of(copy), calls);
}

main(process.argv.slice(2));
