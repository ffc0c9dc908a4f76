/** Where the lab keeps its machine, on the host. Only root writes there: who can change the image can change what tests say. */

import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

export const CACHE = '/var/cache/hutch-lab';
export const TREE = path.join(import.meta.dirname, '../..');

/** A directory in the cache that belongs to a process, and goes when that is gone. */
export const ownPrefix = (purpose: 'build' | 'run'): string => path.join(CACHE, `${purpose}-${String(process.pid)}-`);

/** Removes what builds and machines left behind that were killed. */
export function removeLeftovers(): void {
  for (const name of existsSync(CACHE) ? readdirSync(CACHE) : []) {
    const owner = /^(?:build|run)-(\d+)-/u.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) {
      rmSync(path.join(CACHE, name), { recursive: true, force: true });
    }
  }
}
