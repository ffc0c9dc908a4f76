/** Clearing up after monitors that were killed; called at the start of every run, on the host's side. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cleanStaging } from '../../images/store/staging.ts';
import { identifyProcess } from '../../host/process-identity.ts';
import { dropContainer, dropNameless, forgetMonitor } from '../../monitor/drop-container.ts';
import { containerDirectory, readContainer, type ContainerRecord } from '../../state/container-record.ts';
import { readState, reconciled, writeState, type ContainerState } from '../../state/container-state.ts';
import { noteEndpoint } from '../../state/network-events.ts';
import { sweepPassing } from '../../state/passing-files.ts';
import { enterRunning, listOrphans } from '../../state/running-list.ts';
import type { Store } from '../../state/store.ts';

/** Removes --rm containers and half-made ones whose monitor is dead, and what dead makers left; records the end of the other containers. */
export async function sweepOrphans(store: Store): Promise<void> {
  sweepPassing(store);
  await cleanStaging(store);
  for (const id of listOrphans(store)) {
    try {
      await sweepOrphan(store, id);
    } catch {
      // It cannot be removed: it stays on the list, and must not stop this run.
    }
  }
}

/** The same for one container, unless somebody living looks after it. */
export async function sweepOrphan(store: Store, id: string): Promise<void> {
  const own = identifyProcess(process.pid);
  // Another hutch may sweep the same one.
  if (own === undefined || !(await enterRunning(store, id, own))) return;
  const record = readContainer(store, id);
  if (record === undefined) {
    await dropNameless(store, id);
    return;
  }
  const state = readState(store, id);
  if (state !== undefined) noteDisconnects(store, id, state);
  if (isOver(record, state) || !isWhole(store, record)) {
    await dropContainer(store, record);
    return;
  }
  if (state !== undefined) {
    const now = reconciled(state);
    writeState(store, id, {
      ...now,
      finishedAt: now.status === 'exited' ? (now.finishedAt ?? new Date().toISOString()) : null,
    });
  }
  forgetMonitor(store, id);
}

/** Nobody has seen it happen: the time is that of the finding, and the reason says so. */
function noteDisconnects(store: Store, container: string, state: ContainerState): void {
  const reason = reconciled(state).reason ?? 'its monitor was killed';
  for (const endpoint of state.endpoints ?? []) noteEndpoint(store, 'disconnect', endpoint, { container, reason });
}

/** One that nobody has started yet was only copied into. */
function isOver({ removeAtExit }: ContainerRecord, state: ContainerState | undefined): boolean {
  const isWaiting = state?.status === 'created' && state.monitor === null;
  return state?.status === 'removing' || (removeAtExit && !isWaiting);
}

/** True once the last thing that is written of a new container is there. */
export function isWhole(store: Store, { id }: ContainerRecord): boolean {
  return existsSync(join(containerDirectory(store, id), 'plan.json'));
}
