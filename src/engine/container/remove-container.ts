/** `hutch rm`: removes a container and what it has written; on the host's side. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../host/process-identity.ts';
import { ownCommand } from '../../host/own-command.ts';
import { dropContainer } from '../../monitor/drop-container.ts';
import { findContainer, readContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { noteEvent } from '../../state/events.ts';
import { enterRunning } from '../../state/running-list.ts';
import type { Store } from '../../state/store.ts';
import { openOwnStore } from './open-own-store.ts';
import { stopRecord } from './stop-container.ts';

const END_TIMEOUT_MS = 10_000;
/** For a monitor to do what it was asked for; then it is ended too. */
const PATIENCE_MS = 5000;
/** The end of a container takes some milliseconds. */
const POLL_MS = 1;
const KILL = '9';

export interface RemoveOptions {
  /** Ends one that runs. */
  readonly force: boolean;
  /** After so many seconds in which it may end by itself; below 0: however long that takes. */
  readonly stopSeconds?: number | undefined;
}

/**
 * Removes the container of a name or id and returns the name it was called by. CONTAINER_UNKNOWN, or CONTAINER_RUNNING
 * unless `force`.
 */
export async function removeContainer(word: string, { force, stopSeconds }: RemoveOptions): Promise<string> {
  const { store } = await openOwnStore();
  const record = findContainer(store, word);
  if (isBusy(currentState(store, record))) {
    if (!force) throw isRunning(record);
    if (stopSeconds !== undefined) await stopRecord(store, record, { timeoutSeconds: stopSeconds });
    if (isBusy(currentState(store, record))) await endNow(store, record);
  }
  // With --rm its monitor has removed it already.
  if (readContainer(store, record.id) === undefined) return word;
  await takeOver(store, record);
  await dropContainer(store, record);
  return word;
}

/** A monitor that has recorded the end, or another `rm`, still has its last steps to do. CONTAINER_RUNNING when it was started again. */
async function takeOver(store: Store, record: ContainerRecord): Promise<void> {
  const own = identifyProcess(process.pid);
  const deadline = Date.now() + END_TIMEOUT_MS;
  while (own === undefined || !(await enterRunning(store, record.id, own))) {
    if (isBusy(currentState(store, record)) || Date.now() > deadline) throw isRunning(record);
    await shortly();
  }
}

function isRunning({ name }: ContainerRecord): HutchError {
  return new HutchError(`container "${name}" is running`, {
    code: 'CONTAINER_RUNNING',
    hint: `end it first, or use hutch rm -f ${name}`,
    context: { container: name },
  });
}

/** Its payload; else by its monitor; and when that does not answer, with it: its death takes all processes of the container along. */
async function endNow(store: Store, record: ContainerRecord): Promise<void> {
  const { monitor } = currentState(store, record);
  if (monitor !== null && killPayload(store, record)) {
    if (await gone(monitor, () => !isBusy(currentState(store, record)), PATIENCE_MS)) return;
  }
  try {
    await stopRecord(store, record, { timeoutSeconds: 0, signal: KILL, marginMs: PATIENCE_MS });
  } catch (error) {
    if (!isHutchError(error, 'MONITOR_SILENT')) throw error;
    if (monitor !== null) killIfAlive(monitor);
  }
  if (monitor !== null) await gone(monitor, () => !isBusy(currentState(store, record)), END_TIMEOUT_MS);
}

/**
 * Kills the payload as its monitor would, which sees that it has ended, and is done sooner than one that has to listen first. False where it would
 * have to know who asks, as it starts the container again, or where there is no payload (yet) that we may kill.
 */
function killPayload(store: Store, record: ContainerRecord): boolean {
  const { status, init } = currentState(store, record);
  if (record.restart.name !== 'no' || status !== 'running' || init === null || !isAlive(init)) return false;
  try {
    process.kill(init.pid, 0);
    noteEvent(store, 'stop', record, { signal: KILL, by: ownCommand() });
    process.kill(init.pid, 'SIGKILL');
  } catch {
    return false;
  }
  return true;
}

function killIfAlive(identity: ProcessIdentity): void {
  if (isAlive(identity)) process.kill(identity.pid, 'SIGKILL');
}

/** Not by node:timers/promises, which takes a millisecond to load. */
function shortly(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}

/** False when it takes longer than `timeoutMs`. */
async function gone(identity: ProcessIdentity, isOver: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isAlive(identity) && !isOver()) {
    if (Date.now() > deadline) return false;
    await shortly();
  }
  return true;
}
