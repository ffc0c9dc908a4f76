/** The places of hutch on disk and the marker that lets hutch delete below them; on the host's side. */
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../errors/hutch-error.ts';
import { ensurePrivateDirectory, findDirectories, type Directories } from '../host/directories.ts';
import { writeError, writeTextFile } from './json-file.ts';
import { ensureSkeleton } from './skeleton.ts';

/** Every path that hutch keeps, from one place. See docs/architecture.md for what lies in each. */
export interface Store {
  readonly root: string;
  /** An OCI image layout: oci-layout, index.json, blobs/. */
  readonly images: string;
  /** One unpacked layer per directory, named by its diff id. */
  readonly layers: string;
  /** One directory per container, named by its id. */
  readonly containers: string;
  /** One file per network of the user's, named by it. */
  readonly networks: string;
  /** Half-made things: everything here may be deleted when its maker is dead. */
  readonly staging: string;
  /** Sockets, probe results, the list of running containers. */
  readonly run: string;
  readonly config: string;
}

/** The file that marks a directory as one that hutch may delete recursively. */
export const MARKER = '.hutch-directory';

/** The paths of the caller's store; touches nothing on disk. */
export function locateStore(directories: Directories = findDirectories()): Store {
  const { data, run, config } = directories;
  return {
    root: data,
    images: join(data, 'images'),
    layers: join(data, 'layers'),
    containers: join(data, 'containers'),
    networks: join(data, 'networks'),
    staging: join(data, 'staging'),
    run,
    config,
  };
}

/**
 * The caller's store, made where it is missing and checked where it is there: 0700, owned by the caller, no symbolic link.
 * STORE_INSECURE or STORE_UNWRITABLE otherwise.
 * @param owner who must own the store on the host: for root's containers the host uid that their root is mapped to.
 */
export function openStore(store: Store = locateStore(), owner = process.getuid?.() ?? 0): Store {
  const isNew = !existsSync(store.root);
  if (isNew) ensurePrivateDirectory(store.root);
  if (isNew && owner !== process.getuid?.()) chownSync(store.root, owner, owner);
  ensurePrivateDirectory(store.root, owner);
  ensurePrivateDirectory(store.run);
  if (isNew || !existsSync(join(store.root, MARKER))) markAndFill(store, owner);
  ensureSkeleton(store, owner);
  return store;
}

function markAndFill(store: Store, owner: number): void {
  for (const path of [store.images, store.layers, store.containers, store.staging]) {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw writeError(path, error);
    }
    if (owner !== process.getuid?.()) chownSync(path, owner, owner);
  }
  writeTextFile(join(store.root, MARKER), 'hutch made this directory and may delete everything below it.\n');
}

/** STORE_INSECURE unless `root` bears hutch's marker: called before anything is deleted recursively. */
export function requireMarked(root: string): void {
  if (existsSync(join(root, MARKER)) && readFileSync(join(root, MARKER), 'utf8').startsWith('hutch')) return;
  throw new HutchError(`${root} does not bear hutch's marker; nothing in it is deleted`, {
    code: 'STORE_INSECURE',
    hint: `check that HUTCH_DATA points at hutch's own directory`,
    context: { path: root },
  });
}
