/** `--cidfile`: the id of a new container in a file of the user's; on the host's side. */
import { existsSync, writeFileSync } from 'node:fs';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';

/** USAGE_INVALID when the file is there already: it may be another container's. */
export function refuseCidFile(path: string | undefined): void {
  if (path === undefined || !existsSync(path)) return;
  throw taken(path);
}

export function writeCidFile(path: string | undefined, id: string): void {
  if (path === undefined) return;
  try {
    writeFileSync(path, id, { flag: 'wx' });
  } catch (cause) {
    if (errnoOf(cause) === 'EEXIST') throw taken(path);
    throw new HutchError(`cannot write --cidfile ${path}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'USAGE_INVALID',
      hint: 'choose a file that can be made',
      cause,
    });
  }
}

function taken(path: string): HutchError {
  return new HutchError(`--cidfile ${path} is there already`, {
    code: 'USAGE_INVALID',
    hint: 'remove it, or choose another file',
  });
}
