/** `hutch attach`: the user's streams join a container that runs; in the CLI process. */
import { findContainer } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { locateStore } from '../../state/store.ts';
import { isNotRunning } from './container-errors.ts';
import { parseAttachment, type AttachFlags } from './parse-attachment.ts';
import { attachTo } from './start-container.ts';

/** Returns the container's exit code, or 0 when the user detaches. CONTAINER_UNKNOWN, CONTAINER_STOPPED, MONITOR_SILENT. */
export async function attachContainer(word: string, flags: AttachFlags): Promise<number> {
  const attachment = parseAttachment(flags);
  const store = locateStore();
  const record = findContainer(store, word);
  if (!isBusy(currentState(store, record))) throw isNotRunning(record, 'attached to');
  return attachTo(store, record, attachment);
}
