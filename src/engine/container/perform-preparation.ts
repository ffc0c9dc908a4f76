/** Making on disk what a plan wants there before it starts; on the host's side, as the user. */
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Preparation } from '../../oci/rootfs-source.ts';
import { writeError } from '../../state/json-file.ts';
import { copyLayers } from '../../userns/copy-layers.ts';

/**
 * Makes directories, links, files and copies. STORAGE_FULL or STORE_UNWRITABLE name the path.
 * @param owner host uid that must own what is made: differs from the caller only when root runs hutch.
 */
export async function performPreparation(preparation: Preparation, owner: number): Promise<void> {
  // The root of a container is made here, for all of its users: what the caller keeps from others with their umask is their own.
  const callers = process.umask(0o022);
  try {
    makePlaces(preparation, owner);
  } finally {
    process.umask(callers);
  }
  for (const { layers, to } of preparation.copies) await copyLayers(layers, to);
}

function makePlaces(preparation: Preparation, owner: number): void {
  const own = (path: string): void => {
    if (owner !== process.getuid?.()) chownSync(path, owner, owner);
  };
  for (const path of preparation.directories) {
    attempt(path, () => {
      makeDirectory(path);
    });
    own(path);
  }
  for (const { path, to } of preparation.links) {
    attempt(path, () => {
      symlinkSync(to, path);
    });
  }
  for (const { path, content } of preparation.files) {
    attempt(path, () => {
      writeFileSync(path, content, { mode: 0o644 });
    });
    own(path);
  }
}

/** Its parents are there as a rule, as is the directory itself sometimes: to ask for all of them takes longer. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch {
    mkdirSync(path, { recursive: true, mode: 0o755 });
  }
}

function attempt(path: string, work: () => unknown): void {
  try {
    work();
  } catch (error) {
    throw writeError(path, error);
  }
}
