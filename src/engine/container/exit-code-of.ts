/** The exit code of a container that has ended; reads only. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy, KILLED_EXIT_CODE, readState } from '../../state/container-state.ts';
import type { Store } from '../../state/store.ts';

const PATIENCE_MS = 2000;
const STEP_MS = 10;

/** What the record says as soon as its monitor has left it; 137 when nothing is left that could say it. */
export async function exitCodeOf(store: Store, record: ContainerRecord): Promise<number> {
  const deadline = Date.now() + PATIENCE_MS;
  while (isBusy(currentState(store, record)) && Date.now() < deadline) await sleep(STEP_MS);
  if (readState(store, record.id) === undefined) return KILLED_EXIT_CODE;
  return currentState(store, record).exitCode ?? KILLED_EXIT_CODE;
}
