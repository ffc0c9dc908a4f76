/** Copying unpacked layers into one directory as root of the user namespace; started from the host's side. */
import { existsSync, renameSync } from 'node:fs';
import { HutchError } from '../errors/hutch-error.ts';
import { spawnInUserns } from './run-in-userns.ts';

/**
 * Copies the layers given as arguments, bottom layer first, into the directory $1. A whiteout (character device 0:0) of a
 * layer removes what the layers below have brought to its place.
 */
export const COPY_LAYERS = [
  'set -e; into=$1; shift; mkdir -p "$into"',
  'for layer; do',
  '  cd "$layer"',
  '  find . -type c -print0 | while IFS= read -r -d "" path; do rm -rf "$into/$path"; done',
  '  cp -a --reflink=auto --remove-destination . "$into"',
  '  cd "$into"; find . -type c -delete',
  'done',
].join('\n');

/** Copies layers to `to`, which appears only when it is whole. Does nothing when it is there. STORAGE_FULL, HOST_TOOL_FAILED. */
export async function copyLayers(bottomFirst: readonly string[], to: string): Promise<void> {
  if (existsSync(to)) return;
  const half = `${to}.part`;
  const { child, exit } = await spawnInUserns(['bash', '-c', COPY_LAYERS, 'hutch-copy', half, ...bottomFirst], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if ((await exit) !== 0) throw copyFailed(to, stderr);
  renameSync(half, to);
}

function copyFailed(to: string, stderr: string): HutchError {
  const full = stderr.includes('No space left');
  return new HutchError(`cannot copy the image to ${to}: ${stderr.trim().split('\n').at(-1) ?? ''}`, {
    code: full ? 'STORAGE_FULL' : 'HOST_TOOL_FAILED',
    hint: full
      ? 'free some space, or use a driver that does not copy (--storage-driver overlay)'
      : 'run `hutch doctor`',
  });
}
