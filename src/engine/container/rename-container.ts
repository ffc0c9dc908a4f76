/** `hutch rename`; on the host's side. */
import { checkName, claimName, releaseName } from '../../state/container-names.ts';
import { findContainer, writeContainer } from '../../state/container-record.ts';
import { noteEvent } from '../../state/events.ts';
import { withLock } from '../../state/lock.ts';
import { locateStore } from '../../state/store.ts';

/** Gives a container another name. CONTAINER_UNKNOWN, NAME_IN_USE, USAGE_INVALID for what is no name. */
export async function renameContainer(word: string, name: string): Promise<void> {
  checkName(name);
  const store = locateStore();
  findContainer(store, word);
  await withLock(store.containers, 'rename a container', async () => {
    const record = findContainer(store, word);
    await claimName(store, name, record.id);
    writeContainer(store, { ...record, name });
    if (record.name !== name) releaseName(store, record.name, record.id);
    noteEvent(store, 'rename', { ...record, name }, { oldName: record.name });
  });
}
