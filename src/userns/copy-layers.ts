/** Copying unpacked layers into one directory as root of the user namespace; started from the host's side. */
import { existsSync, renameSync } from 'node:fs';
import { HutchError } from '../errors/hutch-error.ts';
import { nodePath, programPath } from '../host/program-path.ts';
import { spawnInUserns } from './run-in-userns.ts';

/**
 * Copies the layers given as arguments, bottom layer first, into the directory $3. Before each, the program make-way ($1 $2) removes
 * what the layer hides: by whiteouts (character devices 0:0), as an opaque directory, or by something else in the same place.
 */
const COPY_LAYERS = [
  'set -e; node=$1; make_way=$2; into=$3; shift 3; mkdir -p "$into"',
  'for layer; do',
  '  "$node" "$make_way" "$layer" "$into"',
  '  cp -a --reflink=auto "$layer/." "$into"',
  '  find "$into" -type c -delete',
  'done',
].join('\n');

/** Copies layers to `to`, which appears only when it is whole. Does nothing when it is there. STORAGE_FULL, HOST_TOOL_FAILED. */
export async function copyLayers(bottomFirst: readonly string[], to: string): Promise<void> {
  if (existsSync(to)) return;
  const half = `${to}.part`;
  const argv = [nodePath(), programPath('make-way'), half, ...bottomFirst];
  const { child, exit } = await spawnInUserns(['sh', '-c', COPY_LAYERS, 'hutch-copy', ...argv], {
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
