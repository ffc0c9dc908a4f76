/** The user's networks on disk, a file for each: made and removed under one lock, read without; on the host's side. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError, isHutchError } from '../errors/hutch-error.ts';
import { problemOfRecord } from './check-network-record.ts';
import { isContainerName } from './container-names.ts';
import { listContainers, type ContainerRecord } from './container-record.ts';
import { listNames, readJsonFile, writeError, writeJsonFile } from './json-file.ts';
import { withLock } from './lock.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Store } from './store.ts';

const ENDING = '.json';

/** Words that mean something else after --net: drivers, the network of another container, and what nobody has said. */
export const RESERVED_NETWORK_NAMES: readonly string[] = [
  ...['pasta', 'slirp4netns', 'none', 'host', 'bridge'],
  ...['default', 'container', 'ns', 'private'],
];

export interface KnownNetworks {
  /** By name. */
  readonly networks: readonly NetworkRecord[];
  /** RECORD_CORRUPT for each record that cannot be read. */
  readonly damage: readonly HutchError[];
}

/** All networks, and what is wrong with the records of others. */
export function listNetworks(store: Store): KnownNetworks {
  const [networks, damage]: [NetworkRecord[], HutchError[]] = [[], []];
  for (const name of networkNames(store)) {
    try {
      const record = readNetwork(store, name);
      if (record !== undefined) networks.push(record);
    } catch (error) {
      if (!isHutchError(error, 'RECORD_CORRUPT')) throw error;
      damage.push(error);
    }
  }
  return { networks, damage };
}

/** The names of all networks, whether their records can be read or not. */
export function networkNames(store: Store): string[] {
  return listNames(store.networks)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .filter(isContainerName)
    .toSorted();
}

/** As listNetworks(); RECORD_CORRUPT where one is damaged: its addresses are not known, and nobody else may get them. */
export function requireNetworks(store: Store): readonly NetworkRecord[] {
  const { networks, damage } = listNetworks(store);
  if (damage[0] !== undefined) throw damage[0];
  return networks;
}

/** The network of a name; undefined when there is none. RECORD_CORRUPT. */
export function readNetwork(store: Store, name: string): NetworkRecord | undefined {
  if (!isContainerName(name)) return undefined;
  const path = pathOf(store, name);
  let value: unknown;
  try {
    value = readJsonFile(path);
  } catch (cause) {
    if (!isHutchError(cause, 'RECORD_CORRUPT')) throw cause;
    throw damaged(name, path, 'it is not JSON', cause);
  }
  const problem = value === undefined ? null : problemOfRecord(value, name);
  if (problem !== null) throw damaged(name, path, problem);
  return value as NetworkRecord | undefined;
}

/** As readNetwork(), where a damaged record says no more than none. */
export function peekNetwork(store: Store, name: string): NetworkRecord | undefined {
  try {
    return readNetwork(store, name);
  } catch (error) {
    if (isHutchError(error, 'RECORD_CORRUPT')) return undefined;
    throw error;
  }
}

function damaged(name: string, path: string, problem: string, cause?: unknown): HutchError {
  return new HutchError(`the record of network "${name}" is damaged: ${path}: ${problem}`, {
    code: 'RECORD_CORRUPT',
    hint: `restore that file from a backup; or remove the network (hutch network rm ${name}) and make it again`,
    cause,
    context: { network: name, path },
  });
}

/** The network of a name, an id or a unique beginning of one. NETWORK_UNKNOWN, NAME_AMBIGUOUS, RECORD_CORRUPT. */
export function findNetwork(store: Store, word: string): NetworkRecord {
  const named = readNetwork(store, word);
  if (named !== undefined) return named;
  const found = /^[0-9a-f]+$/u.test(word) ? listNetworks(store).networks.filter(({ id }) => id.startsWith(word)) : [];
  if (found.length === 1 && found[0] !== undefined) return found[0];
  if (found.length > 1)
    throw new HutchError(`"${word}" begins the ids of ${String(found.length)} networks`, {
      code: 'NAME_AMBIGUOUS',
      hint: 'give more digits of the id',
      context: { network: word },
    });
  throw unknown(word, `there is no network "${word}"`, hintFor(word));
}

function hintFor(word: string): string {
  const list = 'see `hutch network ls` for those that are there';
  if (RESERVED_NETWORK_NAMES.includes(word)) return `${list}: "${word}" is a word for --net of run and create`;
  return isContainerName(word) ? `${list}, or make it: hutch network create ${word}` : list;
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
    const others = requireNetworks(store);
    if (others.some((other) => other.name === name)) return undefined;
    const record = make(others);
    writeJsonFile(pathOf(store, name), record);
    return record;
  });
}

/** A network; without an id where its record is damaged. */
export type NamedNetwork = Pick<NetworkRecord, 'name'> & { readonly id: string | null };

/** Removes a network unless `refuse`, called when nobody can change it any more, throws. False: it was gone, or is another one by now. */
export function removeNetwork(store: Store, { name, id }: NamedNetwork, refuse: () => void): Promise<boolean> {
  return changeNetworks(store, `remove the network ${name}`, () => {
    if (!existsSync(pathOf(store, name)) || (peekNetwork(store, name)?.id ?? null) !== id) return false;
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
