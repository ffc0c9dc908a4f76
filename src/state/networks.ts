/** The user's networks on disk, a file for each: made and removed under one lock, read without; on the host's side. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../errors/hutch-error.ts';
import { isContainerName } from './container-names.ts';
import { listContainers, type ContainerRecord } from './container-record.ts';
import { listNames, readJsonFile, writeError, writeJsonFile } from './json-file.ts';
import { withLock } from './lock.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Store } from './store.ts';

const ENDING = '.json';

/** All networks, by name. */
export function listNetworks(store: Store): NetworkRecord[] {
  return listNames(store.networks)
    .filter((file) => file.endsWith(ENDING))
    .toSorted()
    .map((file) => readNetwork(store, file.slice(0, -ENDING.length)))
    .filter((record) => record !== undefined);
}

/** The network of a name; undefined when there is none. */
export function readNetwork(store: Store, name: string): NetworkRecord | undefined {
  return isContainerName(name) ? (readJsonFile(pathOf(store, name)) as NetworkRecord | undefined) : undefined;
}

/** The network of a name, an id or a unique beginning of one. NETWORK_UNKNOWN otherwise. */
export function findNetwork(store: Store, word: string): NetworkRecord {
  const named = readNetwork(store, word);
  if (named !== undefined) return named;
  const found = /^[0-9a-f]+$/u.test(word) ? listNetworks(store).filter(({ id }) => id.startsWith(word)) : [];
  if (found.length === 1 && found[0] !== undefined) return found[0];
  if (found.length > 1)
    throw unknown(word, `"${word}" begins the ids of ${String(found.length)} networks`, 'give more digits of the id');
  throw unknown(
    word,
    `there is no network "${word}"`,
    isContainerName(word)
      ? `make it: hutch network create ${word}; \`hutch network ls\` shows those that are there`
      : 'see `hutch network ls` for those that are there',
  );
}

function unknown(word: string, message: string, hint: string): HutchError {
  return new HutchError(message, { code: 'NETWORK_UNKNOWN', hint, context: { network: word } });
}

/**
 * Keeps the network that `make` makes with the others in view, whom nobody can change meanwhile. Undefined, and nothing kept, when the name has
 * been taken before `make` was asked.
 */
export function addNetwork(
  store: Store,
  name: string,
  make: (others: readonly NetworkRecord[]) => NetworkRecord,
): Promise<NetworkRecord | undefined> {
  if (!isContainerName(name)) throw new Error(`not a network's name: ${name}`);
  return changeNetworks(store, `make the network ${name}`, () => {
    const others = listNetworks(store);
    if (others.some((other) => other.name === name)) return undefined;
    const record = make(others);
    writeJsonFile(pathOf(store, name), record);
    return record;
  });
}

/** Removes a network unless `refuse`, called when nobody can change it any more, throws. False: it was gone already. */
export function removeNetwork(store: Store, { name, id }: NetworkRecord, refuse: () => void): Promise<boolean> {
  return changeNetworks(store, `remove the network ${name}`, () => {
    if (readNetwork(store, name)?.id !== id) return false;
    refuse();
    rmSync(pathOf(store, name), { force: true });
    return true;
  });
}

/** The containers that are on a network, whether they run or not. */
export function containersOn(store: Store, { name }: Pick<NetworkRecord, 'name'>): ContainerRecord[] {
  return listContainers(store).filter(({ networks = [] }) => networks.some(({ network }) => network === name));
}

function changeNetworks<T>(store: Store, purpose: string, work: () => T): Promise<T> {
  try {
    // Stores that are older than networks do not have it.
    mkdirSync(store.networks, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw writeError(store.networks, error);
  }
  return withLock(store.networks, purpose, () => Promise.resolve(work()));
}

function pathOf(store: Store, name: string): string {
  return join(store.networks, `${name}${ENDING}`);
}
