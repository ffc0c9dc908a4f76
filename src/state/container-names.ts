/** Names of containers: each a file that holds an id, so that a name is given once; on the host's side. */
import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { claim, readClaim } from './claim.ts';
import { containerDirectory, isContainerId } from './container-id.ts';
import { listNames } from './json-file.ts';
import type { Store } from './store.ts';

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/u;

/** True when `word` may be a name: nothing else is ever used as the name of a file. */
export function isContainerName(word: string): boolean {
  return NAME.test(word);
}

/** USAGE_INVALID unless `name` may be a container's name. */
export function checkName(name: string): void {
  if (isContainerName(name)) return;
  throw new HutchError(`"${name}" cannot be a container's name`, {
    code: 'USAGE_INVALID',
    hint: 'use letters, digits, "_", "." and "-", at most 128, beginning with a letter or digit',
  });
}

function namesDirectory(store: Store): string {
  return join(store.root, 'names');
}

/** The id that a name belongs to. */
export function nameOwner(store: Store, name: string): string | undefined {
  if (!isContainerName(name)) return undefined;
  const id = readClaim(join(namesDirectory(store), name));
  return id !== undefined && isContainerId(id) ? id : undefined;
}

/**
 * Gives a name to a container, whose directory must exist: a name without a directory behind it counts as left over, and is taken
 * over. NAME_IN_USE when another container has it.
 */
export async function claimName(store: Store, name: string, id: string): Promise<void> {
  checkName(name);
  const owner = await claim({
    path: join(namesDirectory(store), name),
    content: id,
    draft: join(containerDirectory(store, id), 'name'),
    isStale: (content) => !isContainerId(content) || !existsSync(containerDirectory(store, content)),
  });
  if (owner !== null) throw nameInUse(name, owner);
}

function nameInUse(name: string, id: string): HutchError {
  return new HutchError(`the name "${name}" is in use by container ${id.slice(0, 12)}`, {
    code: 'NAME_IN_USE',
    hint: `choose another --name, or remove that container: hutch rm ${name}`,
    context: { name },
  });
}

/** Frees every name of a container that was killed before it had a record. */
export function releaseNamesOf(store: Store, id: string): void {
  for (const name of listNames(namesDirectory(store))) releaseName(store, name, id);
}

/** Frees a name if it belongs to `id`. To be called before the container's directory goes: until then nobody can take the name over. */
export function releaseName(store: Store, name: string, id: string): void {
  if (nameOwner(store, name) !== id) return;
  try {
    unlinkSync(join(namesDirectory(store), name));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
