/** `hutch restart`; in the CLI process. */
import { findContainer } from '../../state/container-record.ts';
import { openOwnStore } from './open-own-store.ts';
import { startOrJoin } from './start-container.ts';
import { stopRecord, type StopOptions } from './stop-container.ts';

/** Stops a container if it runs, and starts it. */
export async function restartContainer(word: string, options: StopOptions): Promise<void> {
  const { store } = await openOwnStore();
  const record = findContainer(store, word);
  await stopRecord(store, record, options);
  await startOrJoin(store, record);
}
