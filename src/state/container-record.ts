/** Records of containers on disk: written whole, read without a lock; on the host's side. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { isAlive, type ProcessIdentity } from '../host/process-identity.ts';
import { readJsonFile, writeError, writeJsonFile } from './json-file.ts';
import type { Store } from './store.ts';

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly image: {
    /** As the user wrote it. */
    readonly reference: string;
    /** Digest of the image's config; empty for the host's own root. */
    readonly id: string;
    /** Diff ids, bottom layer first. */
    readonly layers: readonly string[];
  };
  readonly command: readonly string[];
  /** RFC 3339. */
  readonly createdAt: string;
  readonly removeAtExit: boolean;
  /** The process that supervises it, once it was started. */
  readonly monitor: ProcessIdentity | null;
  /** The payload's host process, once init runs. */
  readonly payload: ProcessIdentity | null;
  readonly exit: { readonly code: number; readonly finishedAt: string } | null;
}

export type ContainerStatus = 'created' | 'running' | 'exited' | 'dead';

const ID = /^[0-9a-f]{64}$/u;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/u;

/** What a container is now: its monitor either lives or it does not, whatever the record says. */
export function statusOf(record: ContainerRecord): ContainerStatus {
  if (record.exit !== null) return 'exited';
  if (record.monitor === null) return 'created';
  return isAlive(record.monitor) ? 'running' : 'dead';
}

/** USAGE_INVALID unless `name` may be a container's name. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new HutchError(`"${name}" cannot be a container's name`, {
    code: 'USAGE_INVALID',
    hint: 'use letters, digits, "_", "." and "-", at most 128, beginning with a letter or digit',
  });
}

export function containerDirectory(store: Store, id: string): string {
  if (!ID.test(id)) throw new Error(`not a container id: ${id}`);
  return join(store.containers, id);
}

/** Writes a container's record. */
export function writeContainer(store: Store, record: ContainerRecord): void {
  writeJsonFile(join(containerDirectory(store, record.id), 'container.json'), record, {
    durable: !record.removeAtExit,
  });
}

/** The record of an id, or undefined when there is none (yet). */
export function readContainer(store: Store, id: string): ContainerRecord | undefined {
  return readJsonFile(join(containerDirectory(store, id), 'container.json')) as ContainerRecord | undefined;
}

/** All containers' records, newest first. Directories without a record are left out. */
export function listContainers(store: Store): ContainerRecord[] {
  return listIds(store)
    .map((id) => readContainer(store, id))
    .filter((record) => record !== undefined)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

function listIds(store: Store): string[] {
  try {
    return readdirSync(store.containers).filter((id) => ID.test(id));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The container of a name, an id or a unique beginning of one. CONTAINER_UNKNOWN otherwise; the word is never used as a path unchecked. */
export function findContainer(store: Store, word: string): ContainerRecord {
  const byName = NAME.test(word) ? nameOwner(store, word) : undefined;
  if (byName !== undefined) {
    const record = readContainer(store, byName);
    if (record !== undefined) return record;
  }
  const ids = /^[0-9a-f]+$/u.test(word) ? listIds(store).filter((id) => id.startsWith(word)) : [];
  const record = ids.length === 1 ? readContainer(store, ids[0] ?? '') : undefined;
  if (record !== undefined) return record;
  throw new HutchError(
    ids.length > 1 ? `"${word}" begins the ids of ${String(ids.length)} containers` : `there is no container "${word}"`,
    {
      code: 'CONTAINER_UNKNOWN',
      hint: ids.length > 1 ? 'give more digits of the id' : 'see `hutch ps -a` for those that are there',
      context: { container: word },
    },
  );
}

function namesDirectory(store: Store): string {
  return join(store.root, 'names');
}

function nameOwner(store: Store, name: string): string | undefined {
  try {
    const id = readFileSync(join(namesDirectory(store), name), 'utf8');
    return ID.test(id) ? id : undefined;
  } catch {
    return undefined;
  }
}

/** Gives a name to an id. NAME_IN_USE when a container has it; a name whose container is gone is taken over. */
export function claimName(store: Store, name: string, id: string): void {
  checkName(name);
  const path = join(namesDirectory(store), name);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      writeFileSync(path, id, { flag: 'wx', mode: 0o600 });
      return;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') mkdirSync(namesDirectory(store), { recursive: true, mode: 0o700 });
      else if (errnoOf(error) === 'EEXIST') dropStaleName(store, name, path);
      else throw writeError(path, error);
    }
  }
  throw nameInUse(name, nameOwner(store, name) ?? '');
}

function dropStaleName(store: Store, name: string, path: string): void {
  const owner = nameOwner(store, name);
  if (owner !== undefined && existsSync(containerDirectory(store, owner))) throw nameInUse(name, owner);
  rmSync(path, { force: true });
}

function nameInUse(name: string, id: string): HutchError {
  return new HutchError(`the name "${name}" is in use by container ${id.slice(0, 12)}`, {
    code: 'NAME_IN_USE',
    hint: `choose another --name, or remove that container: hutch rm ${name}`,
    context: { name },
  });
}

/** Frees the name of a container that was killed before it had a record. */
export function releaseNamesOf(store: Store, id: string): void {
  if (!existsSync(namesDirectory(store))) return;
  for (const name of readdirSync(namesDirectory(store))) releaseName(store, name, id);
}

/** Frees a name if it belongs to `id`. */
export function releaseName(store: Store, name: string, id: string): void {
  if (nameOwner(store, name) !== id) return;
  try {
    unlinkSync(join(namesDirectory(store), name));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
