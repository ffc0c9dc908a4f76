/** `hutch system reset`: everything that hutch keeps goes; in the CLI process. */
import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { listIds, readContainer } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { listNames } from '../../state/json-file.ts';
import { ownerOf } from '../../state/running-list.ts';
import { locateStore, MARKER, requireMarked, type Store } from '../../state/store.ts';
import { removeInUserns } from '../../userns/run-in-userns.ts';
import { openOwnStore } from '../container/open-own-store.ts';
import { removeContainer } from '../container/remove-container.ts';

/** What hutch makes at the top of its data directory, and in its run directory. Nothing else is touched. */
const IN_DATA =
  /^(?:\.hutch-directory|images|layers|containers|staging|names|networks|skeleton|volumes|events\.log(?:\.\d+)?|\.hutch-probe-.+|.+\.lock|.+\.\d+\.tmp)$/u;
const IN_RUN =
  /^(?:running|monitors|head-start|told-[a-z]+|probes\.json|claim\.\d+|slirp\.\d+|.+\.lock|.+\.\d+\.tmp)$/u;

/** The directory that a reset would clear; undefined when there is none. */
export function resettable(): string | undefined {
  const { root } = locateStore();
  return existsSync(root) ? root : undefined;
}

/**
 * Removes all containers, images and whatever else lies in the data directory, and what is in the run directory; settings and logins
 * stay. STORE_INSECURE, with nothing removed, when the data directory lacks hutch's marker or holds what hutch did not make;
 * CONTAINER_RUNNING while containers run, unless `force`, which ends them.
 */
export async function resetStore({ force }: { readonly force: boolean }): Promise<void> {
  if (resettable() === undefined) return;
  requireMarked(locateStore().root);
  const { store } = await openOwnStore();
  refuseStrangers(store);
  const busy = busyContainers(store);
  if (busy.length > 0 && !force) throw areRunning(store, busy);
  for (const id of busy) if (readContainer(store, id) !== undefined) await removeContainer(id, { force: true });
  const left = busyContainers(store);
  if (left.length > 0) throw areRunning(store, left);
  await clear(store);
}

/** A data directory that is somebody's home as well is no place to clear. */
function refuseStrangers({ root }: Store): void {
  const strange = listNames(root).filter((name) => !IN_DATA.test(name));
  if (strange.length === 0) return;
  throw new HutchError(`${root} holds what hutch did not make: ${strange.slice(0, 5).join(', ')}`, {
    code: 'STORE_INSECURE',
    hint: 'move that away first; nothing was removed',
    context: { path: root },
  });
}

/** Also those that are just being made. */
function busyContainers(store: Store): string[] {
  const made = listIds(store).filter((id) => isBusy(currentState(store, { id })));
  const entered = listNames(join(store.run, 'running')).filter((id) => ownerOf(store, id) === 'living');
  return [...new Set([...made, ...entered])];
}

function areRunning(store: Store, ids: readonly string[]): HutchError {
  const names = ids.map((id) => readContainer(store, id)?.name ?? id.slice(0, 12));
  return new HutchError(`containers are running: ${names.join(', ')}`, {
    code: 'CONTAINER_RUNNING',
    hint: 'stop them first, or end them with --force',
    context: { container: names[0] ?? null },
  });
}

/** The marker goes last: killed half-way, a reset can be repeated. */
async function clear({ root, run }: Store): Promise<void> {
  for (const name of listNames(root).filter((one) => one !== MARKER)) await removeTree(join(root, name));
  rmSync(join(root, MARKER), { force: true });
  for (const name of listNames(run).filter((one) => IN_RUN.test(one))) rmSync(join(run, name), { recursive: true });
  for (const directory of [root, run]) removeIfEmpty(directory);
}

async function removeTree(path: string): Promise<void> {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (!['EACCES', 'EPERM', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    await removeInUserns([path]);
  }
}

/** Another hutch may have begun anew. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!['ENOTEMPTY', 'ENOENT', 'EBUSY', 'EACCES'].includes(errnoOf(error) ?? '')) throw error;
  }
}
