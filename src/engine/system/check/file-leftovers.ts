/** Files that a killed hutch did not come to remove: half-written ones, drafts, locks, sockets; on the host's side. */
import { existsSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { connectToMonitor } from '../../../monitor/control-client.ts';
import { containerDirectory, listIds } from '../../../state/container-record.ts';
import { isAbandoned } from '../../../state/lock-holder.ts';
import { withLock } from '../../../state/lock.ts';
import { isPidFree, passingFile, type PassingKind } from '../../../state/passing-files.ts';
import { ownerOf } from '../../../state/running-list.ts';
import type { Store } from '../../../state/store.ts';
import { ageMs, namesIn, pathsIn, type Leftover } from './leftover.ts';

/** Nothing that hutch writes or opens under a passing name keeps it as long. */
const PASSING_MS = 60_000;

/** Files with the pid of their maker in the name, once it is dead (or its pid another's, which time tells). */
export function findTemporaryFiles(store: Store): Leftover[] {
  const containers = listIds(store).map((id) => containerDirectory(store, id));
  const half = [store.root, store.images, store.networks, store.run, ...containers]
    .flatMap(pathsIn)
    .filter((path) => isOver(path, 'half'))
    .map((path) => temporary(path, 'a file that was not written to its end'));
  const drafts = [
    ...pathsIn(store.run).filter((path) => isOver(path, 'draft', 'control')),
    ...containers.map((path) => join(path, 'name')).filter((path) => ageMs(path) > PASSING_MS),
  ].map((path) => temporary(path, 'the draft of a claim that was killed before it was made'));
  return [...half, ...drafts];
}

function isOver(path: string, ...kinds: readonly PassingKind[]): boolean {
  const file = passingFile(basename(path));
  if (file === undefined || !kinds.includes(file.kind)) return false;
  return existsSync(path) && (isPidFree(file.pid) || ageMs(path) > PASSING_MS);
}

function temporary(place: string, text: string): Leftover {
  const mend = (): Promise<void> => {
    rmSync(place, { force: true });
    return Promise.resolve();
  };
  return { kind: 'temporary', place, text, mend };
}

/** Locks of dead holders. Taking one over and giving it back leaves nothing, and harms nobody who takes it at the same time. */
export function findLocks(store: Store): Leftover[] {
  return [store.root, store.images, store.run, join(store.staging, 'downloads')]
    .flatMap(pathsIn)
    .filter((path) => path.endsWith('.lock') && isAbandoned(path))
    .map((place) => ({
      kind: 'lock',
      place,
      text: 'a lock whose holder is dead',
      mend: () => withLock(place.replace(/\.lock$/u, ''), 'clear the lock of a dead process', () => Promise.resolve()),
    }));
}

/** Control sockets that nobody listens at. */
export async function findSockets(store: Store): Promise<Leftover[]> {
  const directory = join(store.run, 'monitors');
  const found: Leftover[] = await findHubSockets(store);
  for (const digits of namesIn(directory).filter((name) => /^[0-9a-f]{24}$/u.test(name))) {
    if (!(await isDead(store, digits))) continue;
    const mend = async (): Promise<void> => {
      if (await isDead(store, digits)) rmSync(join(directory, digits), { force: true });
    };
    found.push({ kind: 'socket', place: join(directory, digits), text: 'the socket of a monitor that is dead', mend });
  }
  return found;
}

/** A monitor enters the running list long before it listens. */
async function isDead(store: Store, digits: string): Promise<boolean> {
  const isLookedAfter = (): boolean =>
    namesIn(join(store.run, 'running')).some((id) => id.startsWith(digits) && ownerOf(store, id) === 'living');
  if (isLookedAfter()) return false;
  using client = await connectToMonitor(store, digits);
  return client === undefined && existsSync(join(store.run, 'monitors', digits)) && !isLookedAfter();
}

/** Those of a network hub that was killed. Who starts the next one holds the lock until that listens. */
async function findHubSockets(store: Store): Promise<Leftover[]> {
  const path = join(store.run, 'network-hub');
  const places = [path, `${path}.slirp`].filter((place) => existsSync(place));
  if (places.length === 0 || (await isHeard(path))) return [];
  return places.map((place) => ({
    kind: 'socket',
    place,
    text: 'the socket of a network hub that is dead',
    mend: () =>
      withLock(path, 'remove the socket of a dead network hub', async () => {
        if (!(await isHeard(path))) rmSync(place, { force: true });
      }),
  }));
}

function isHeard(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => {
      answer(true);
    });
    socket.once('error', () => {
      answer(false);
    });
  });
}
