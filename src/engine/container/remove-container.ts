/** `hutch rm`: removes a container and what it has written; on the host's side. */
import { HutchError } from '../../errors/hutch-error.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessIdentity } from '../../host/process-identity.ts';
import { containerDirectory, findContainer, releaseName, statusOf } from '../../state/container-record.ts';
import { leaveRunning } from '../../state/running-list.ts';
import { locateStore, requireMarked } from '../../state/store.ts';
import { removeContainerDirectory } from './remove-directory.ts';

const END_TIMEOUT_MS = 10_000;

/**
 * Removes the container of a name or id and returns the name it was called by. CONTAINER_UNKNOWN, or CONTAINER_RUNNING
 * unless `force`, which ends it first: its monitor's death takes all its processes along.
 */
export async function removeContainer(word: string, options: { readonly force: boolean }): Promise<string> {
  const store = locateStore();
  const record = findContainer(store, word);
  if (statusOf(record) === 'running') {
    if (!options.force) throw running(record.name);
    if (record.payload !== null) await end(record.payload);
    if (record.monitor !== null) await gone(record.monitor);
  }
  requireMarked(store.root);
  await removeContainerDirectory(containerDirectory(store, record.id));
  releaseName(store, record.name, record.id);
  leaveRunning(store, record.id);
  return word;
}

function running(name: string): HutchError {
  return new HutchError(`container "${name}" is running`, {
    code: 'CONTAINER_RUNNING',
    hint: `end it first, or use hutch rm -f ${name}`,
    context: { container: name },
  });
}

async function end(payload: ProcessIdentity): Promise<void> {
  if (isAlive(payload)) process.kill(payload.pid, 'SIGKILL');
  await gone(payload);
}

async function gone(identity: ProcessIdentity): Promise<void> {
  const deadline = Date.now() + END_TIMEOUT_MS;
  while (isAlive(identity) && Date.now() < deadline) await sleep(10);
}
