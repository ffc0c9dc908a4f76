/** The lowest layer of every container: what hutch mounts over, so that no container has to make it in its own; on the host's side. */
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makerName } from './maker-name.ts';

const DIRECTORIES = ['', 'dev', 'etc', 'proc', 'sys'];
const FILES = ['etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

/** The places of a store that are needed here. */
interface Places {
  readonly root: string;
  readonly staging: string;
}

/** Where it lies in a store. It is never written to once it is there. */
export function skeletonDirectory({ root }: Pick<Places, 'root'>): string {
  return join(root, 'skeleton');
}

/**
 * Makes it where it is missing, for `owner`: empty directories and files, which everybody may read. Without it, as on a full disk, containers make
 * their own; so that is no error.
 */
export function ensureSkeleton(store: Places, owner: number): void {
  const directory = skeletonDirectory(store);
  if (existsSync(directory)) return;
  let draft: string | undefined;
  try {
    draft = join(store.staging, makerName('skeleton'));
    for (const name of DIRECTORIES) make(join(draft, name), 0o755, owner, mkdirSync);
    for (const name of FILES)
      make(join(draft, name), 0o644, owner, (path) => {
        writeFileSync(path, '', { flag: 'wx' });
      });
    renameSync(draft, directory);
  } catch {
    if (draft !== undefined) rmSync(draft, { recursive: true, force: true });
  }
}

/** Whatever the umask. */
function make(path: string, mode: number, owner: number, create: (path: string) => void): void {
  create(path);
  chmodSync(path, mode);
  if (owner !== process.getuid?.()) chownSync(path, owner, owner);
}
