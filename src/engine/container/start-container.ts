/** `hutch start`: a container that was made or has ended runs (again), with a monitor of its own; in the CLI process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ERROR_CODES, HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { attachHere } from '../../monitor/attach-here.ts';
import type { Attachment } from '../../monitor/monitor-here.ts';
import { startMonitor, type StartedMonitor } from '../../monitor/start-monitor.ts';
import type { StartReport } from '../../protocol/start-report.ts';
import { findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy, type ContainerState } from '../../state/container-state.ts';
import type { Store } from '../../state/store.ts';
import { openOwnStore } from './open-own-store.ts';
import { isSilent } from './container-errors.ts';
import { exitCodeOf } from './exit-code-of.ts';
import { parseAttachment, type AttachFlags } from './parse-attachment.ts';
import { orSilent, reachMonitor } from './reach-monitor.ts';

const START_TIMEOUT_MS = 60_000;
const LOOK_AGAIN_MS = 20;
/** Between the moment in which another start takes the container and the one in which that can be seen. */
const UNSEEN_MS = 3000;

/** Starts the container of a name or id; one that runs already is left as it is. CONTAINER_UNKNOWN, and what a start can fail with. */
export async function startContainer(word: string): Promise<void> {
  const { store } = await openOwnStore();
  await startOrJoin(store, findContainer(store, word));
}

/**
 * Whoever starts it at the same time does it for us too; who removes it leaves nothing to start: CONTAINER_UNKNOWN. CONTAINER_RUNNING when it is
 * held for something else, such as a copy into it.
 */
export async function startOrJoin(store: Store, record: ContainerRecord): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let lastSeenMs = Date.now();
  while (!isRunning(currentState(store, record))) {
    try {
      await startInBackground(record);
      return;
    } catch (error) {
      const isOver = Date.now() > deadline || Date.now() > lastSeenMs + UNSEEN_MS;
      if (!isHutchError(error, 'CONTAINER_RUNNING') || isOver) throw error;
    }
    do await sleep(LOOK_AGAIN_MS);
    while (isStarting(currentState(store, record)) && (lastSeenMs = Date.now()) < deadline);
  }
}

function isStarting(state: ContainerState): boolean {
  return isBusy(state) && !isRunning(state);
}

function isRunning({ status }: ContainerState): boolean {
  return status === 'running' || status === 'paused';
}

/** Resolves when the payload runs. */
export async function startInBackground(record: ContainerRecord): Promise<void> {
  const monitor = startMonitor(record.id, { awaitsClient: false });
  try {
    requireStarted(record, await orSilent(record, monitor.next(), START_TIMEOUT_MS));
  } finally {
    monitor.release();
  }
}

/** As startContainer, with the user at its streams; returns its exit code, or 0 when they detach. */
export async function startAttached(word: string, flags: AttachFlags): Promise<number> {
  const attachment = parseAttachment(flags);
  const { store } = await openOwnStore();
  const record = findContainer(store, word);
  const isRunning = isBusy(currentState(store, record));
  return isRunning ? attachTo(store, record, attachment) : startAndAttach(store, record, attachment);
}

async function startAndAttach(store: Store, record: ContainerRecord, attachment: Attachment): Promise<number> {
  const monitor = startMonitor(record.id, { awaitsClient: true });
  try {
    const first = await orSilent(record, monitor.next(), START_TIMEOUT_MS);
    if (first?.report !== 'awaits_client') {
      requireStarted(record, first);
      throw isSilent(record);
    }
    const failed = failureOf(monitor, record);
    const code = await attachTo(store, record, attachment);
    // A container that never ran says why.
    const error = await failed;
    if (error !== undefined) throw error;
    return code;
  } finally {
    monitor.release();
  }
}

async function failureOf(monitor: StartedMonitor, record: ContainerRecord): Promise<Error | undefined> {
  const report = await monitor.next();
  return report?.report === 'failed' ? failed(report, record) : undefined;
}

/** Connects the user to a container that runs or is about to. CONTAINER_STOPPED by the caller's check. */
export async function attachTo(store: Store, record: ContainerRecord, attachment: Attachment): Promise<number> {
  const control = await reachMonitor(store, record);
  if (control === undefined) return exitCodeOf(store, record);
  using _control = control;
  const parting = await attachHere(control, attachment);
  if (parting?.kind === 'detached') return 0;
  return parting?.code ?? (await exitCodeOf(store, record));
}

function requireStarted(record: ContainerRecord, report: StartReport | null): void {
  if (report?.report === 'failed') throw failed(report, record);
  if (report === null) {
    throw new HutchError(`the monitor of container "${record.name}" has ended before the container ran`, {
      code: 'MONITOR_SILENT',
      hint: 'try again',
    });
  }
}

function failed({ code, message, hint }: Extract<StartReport, { report: 'failed' }>, record: ContainerRecord): Error {
  const known = ERROR_CODES.find((one) => one === code);
  if (known === undefined) return new Error(`the monitor of container "${record.name}" has failed: ${message}`);
  return new HutchError(message, { code: known, ...(hint === null ? {} : { hint }) });
}
