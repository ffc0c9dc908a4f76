/** Reaching the monitor of a container; in the CLI process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectToMonitor, type ControlClient } from '../../monitor/control-client.ts';
import type { ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import type { Store } from '../../state/store.ts';
import { isSilent } from './container-errors.ts';

/** A container that is being made has no socket yet. */
const PATIENCE_MS = 5000;
const STEP_MS = 20;

/** The monitor; undefined when nobody looks after the container (any more). MONITOR_SILENT when somebody does but does not answer. */
export async function reachMonitor(store: Store, record: ContainerRecord): Promise<ControlClient | undefined> {
  const deadline = Date.now() + PATIENCE_MS;
  while (isBusy(currentState(store, record))) {
    const control = await connectToMonitor(store, record.id);
    if (control !== undefined) return control;
    if (Date.now() > deadline) throw isSilent(record);
    await sleep(STEP_MS);
  }
  return undefined;
}

/** What `work` gives within the time, else MONITOR_SILENT. */
export async function orSilent<T>(record: ContainerRecord, work: Promise<T>, timeoutMs: number): Promise<T> {
  const controller = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: controller.signal }).then(() => {
    throw isSilent(record);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    controller.abort();
  }
}
