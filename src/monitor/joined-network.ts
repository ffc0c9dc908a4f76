/** The namespaces of another container that a start joins, and that the other one has ended; in the monitor, on the host's side. */
import { closeSync, openSync } from 'node:fs';
import { HutchError } from '../errors/hutch-error.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from '../host/process-identity.ts';
import type { Plan } from '../plan/step.ts';
import { readContainer } from '../state/container-record.ts';
import { currentState } from '../state/container-state.ts';
import type { Store } from '../state/store.ts';

/** How often is looked whether the other one still runs. */
const LOOK_MS = 1000;

export interface JoinedNamespaces extends Disposable {
  /** Paths by which nsenter(1) opens them, as long as this is not disposed of. */
  readonly user: string;
  readonly network: string;
  readonly name: string;
  /** Process 1 of the other container. */
  readonly init: ProcessIdentity;
}

/**
 * Opens the user namespace of a running container and the network namespace that it owns; undefined where the plan joins none. The
 * descriptors, not the pid, say which ones they are. CONTAINER_STOPPED when it does not run.
 */
export function openJoined(store: Store, { enter }: Plan): JoinedNamespaces | undefined {
  const id = enter.network?.container;
  if (id === undefined) return undefined;
  const record = readContainer(store, id);
  const init = record === undefined ? null : currentState(store, record).init;
  const name = record?.name ?? id.slice(0, 12);
  const opened = init === null ? undefined : openBoth(init);
  if (init === null || opened === undefined) throw doesNotRun(name, record === undefined);
  const path = (fd: number): string => `/proc/${String(process.pid)}/fd/${String(fd)}`;
  return {
    user: path(opened.user),
    network: path(opened.network),
    name,
    init,
    [Symbol.dispose]: () => {
      for (const fd of [opened.user, opened.network]) closeSync(fd);
    },
  };
}

/** Calls `ended` once, when process 1 of the other container is gone. */
export function watchJoined(init: ProcessIdentity, ended: () => void): Disposable {
  const timer = setInterval(() => {
    if (isAlive(init)) return;
    clearInterval(timer);
    ended();
  }, LOOK_MS).unref();
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

function openBoth(init: ProcessIdentity): { readonly user: number; readonly network: number } | undefined {
  const descriptors: number[] = [];
  try {
    for (const type of ['user', 'net']) descriptors.push(openSync(`/proc/${String(init.pid)}/ns/${type}`, 'r'));
  } catch {
    // It has just ended: seen below.
  }
  const [user, network] = descriptors;
  if (user !== undefined && network !== undefined && identifyProcess(init.pid)?.startTime === init.startTime)
    return { user, network };
  for (const fd of descriptors) closeSync(fd);
  return undefined;
}

function doesNotRun(name: string, isGone: boolean): HutchError {
  const what = isGone ? 'is gone' : 'does not run';
  return new HutchError(`container "${name}", whose network is to be joined, ${what}`, {
    code: 'CONTAINER_STOPPED',
    hint: isGone ? 'make the container anew with another --net' : `start it first: hutch start ${name}`,
    context: { container: name },
  });
}
