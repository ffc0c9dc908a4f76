/** Ids of containers and the directories that are named by them; pure. */
import { join } from 'node:path';
import type { Store } from './store.ts';

const ID = /^[0-9a-f]{64}$/u;

export function isContainerId(word: string): boolean {
  return ID.test(word);
}

/** A container's own directory. Takes nothing but an id: no word of a user becomes a path. */
export function containerDirectory(store: Store, id: string): string {
  if (!isContainerId(id)) throw new Error(`not a container id: ${id}`);
  return join(store.containers, id);
}
