/** `hutch stop`, `kill`, `wait`: the end of a container, asked for or awaited; in the CLI process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { findContainer, readContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { isNotRunning, isSilent } from './container-errors.ts';
import { exitCodeOf } from './exit-code-of.ts';
import { parseSignal } from './parse-signal.ts';
import { orSilent, reachMonitor } from './reach-monitor.ts';

/** What a monitor may take to record an end, beyond what the container itself may take. */
const MARGIN_MS = 30_000;
const POLL_MS = 100;
/** setTimeout() takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

export interface StopOptions {
  /** Null: as the container was made. */
  readonly timeoutSeconds: number | null;
  readonly signal?: string | undefined;
  /** What the monitor may take beyond the container's own time, in milliseconds. */
  readonly marginMs?: number | undefined;
}

/** Asks a container to end, and ends it when its time is over. One that does not run is left alone. CONTAINER_UNKNOWN, MONITOR_SILENT. */
export async function stopContainer(word: string, options: StopOptions): Promise<void> {
  const store = locateStore();
  await stopRecord(store, findContainer(store, word), options);
}

export async function stopRecord(store: Store, record: ContainerRecord, options: StopOptions): Promise<void> {
  const signal = options.signal === undefined ? null : parseSignal('--signal', options.signal);
  const control = await reachMonitor(store, record);
  if (control === undefined) return;
  using _control = control;
  control.send({ request: 'stop', signal, timeoutSeconds: options.timeoutSeconds });
  const seconds = options.timeoutSeconds ?? record.stopTimeoutSeconds;
  const marginMs = options.marginMs ?? MARGIN_MS;
  await orSilent(record, control.ended, seconds < 0 ? LONGEST_MS : Math.min(seconds * 1000 + marginMs, LONGEST_MS));
}

/** Sends a signal to a container's command. CONTAINER_UNKNOWN, CONTAINER_STOPPED, MONITOR_SILENT; USAGE_INVALID for what is no signal. */
export async function killContainer(word: string, signalWord: string): Promise<void> {
  const signal = parseSignal('--signal', signalWord);
  const store = locateStore();
  const record = findContainer(store, word);
  const control = await reachMonitor(store, record);
  if (control === undefined) throw isNotRunning(record, 'sent a signal');
  using _control = control;
  const answer = await orSilent(record, control.ask({ request: 'signal', signal }), MARGIN_MS);
  if (answer === null && isBusy(currentState(store, record))) throw isSilent(record);
}

/** Waits until a container has ended, at once when it has already, and returns its exit code. One that was never started is waited for. */
export async function waitForContainer(word: string): Promise<number> {
  const store = locateStore();
  const record = findContainer(store, word);
  for (;;) {
    const control = await reachMonitor(store, record);
    if (control !== undefined) {
      using _control = control;
      control.send({ request: 'wait' });
      return (await control.ended) ?? (await exitCodeOf(store, record));
    }
    if (readContainer(store, record.id) === undefined) return exitCodeOf(store, record);
    if (currentState(store, record).status !== 'created') return exitCodeOf(store, record);
    await sleep(POLL_MS);
  }
}
