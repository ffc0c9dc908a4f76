/** `hutch rename`; on the host's side. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HutchError } from '../../errors/hutch-error.ts';
import { connectToMonitor } from '../../monitor/control-client.ts';
import { checkName, claimName, releaseName } from '../../state/container-names.ts';
import {
  containerDirectory,
  findContainer,
  writeContainer,
  type ContainerRecord,
} from '../../state/container-record.ts';
import { readState } from '../../state/container-state.ts';
import { noteEvent } from '../../state/events.ts';
import { withLock } from '../../state/lock.ts';
import { locateStore, type Store } from '../../state/store.ts';

const PATIENCE_MS = 1000;

/** Gives a container another name. CONTAINER_UNKNOWN, NAME_IN_USE, USAGE_INVALID for what is no name. */
export async function renameContainer(word: string, name: string): Promise<void> {
  checkName(name);
  const store = locateStore();
  const { id } = findContainer(store, word);
  await withLock(store.containers, 'rename a container', async () => {
    const record = findContainer(store, word);
    await claimName(store, name, record.id);
    giveName(store, record, name);
    if (record.name !== name) releaseName(store, record.name, record.id);
    noteEvent(store, 'rename', { ...record, name }, { oldName: record.name });
  });
  await tellMonitor(store, id);
}

/** For its name in ps(1) alone: it may be silent or gone. */
async function tellMonitor(store: Store, id: string): Promise<void> {
  using control = await connectToMonitor(store, id);
  if (control === undefined) return;
  await Promise.race([control.ask({ request: 'renamed' }), sleep(PATIENCE_MS, undefined, { ref: false })]);
}

/** Who removes a container marks it first, and then frees the name that it has: either they see the new one, or we see the mark. */
function giveName(store: Store, record: ContainerRecord, name: string): void {
  const isThere = (): boolean => existsSync(containerDirectory(store, record.id));
  try {
    writeContainer(store, { ...record, name });
  } catch (error) {
    releaseName(store, name, record.id);
    throw isThere() ? error : isRemoved(record);
  }
  if (isThere() && readState(store, record.id)?.status !== 'removing') return;
  releaseName(store, name, record.id);
  throw isRemoved(record);
}

function isRemoved({ name }: ContainerRecord): HutchError {
  return new HutchError(`there is no container "${name}" any more`, {
    code: 'CONTAINER_UNKNOWN',
    hint: 'see `hutch ps -a` for those that are there',
    context: { container: name },
  });
}
