/** `--replace`: the container of a name makes way for a new one; on the host's side. Loaded for those alone who ask for it. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { nameOwner } from '../../state/container-names.ts';
import type { Store } from '../../state/store.ts';
import { removeContainer } from './remove-container.ts';
import type { RunRequest } from './run-request.ts';

/**
 * Removes the container that has the request's name, if there is one, also when it runs. Not before `rehearse` has found nothing wrong with
 * the request but what the old one holds: its ports and addresses. USAGE_INVALID without a name, and what rehearse() and removeContainer() throw.
 */
export async function replaceContainer(
  store: Store,
  request: RunRequest,
  rehearse: (request: RunRequest) => Promise<void>,
): Promise<void> {
  if (request.name === undefined) throw nameless();
  const id = nameOwner(store, request.name);
  if (id === undefined) return;
  await rehearse(withoutNetwork(request));
  try {
    await removeContainer(id, { force: true });
  } catch (error) {
    // With --rm, or by somebody else, it has gone meanwhile.
    if (!isHutchError(error, 'CONTAINER_UNKNOWN')) throw error;
  }
}

function nameless(): HutchError {
  return new HutchError('--replace needs a --name: that of the container to replace', {
    code: 'USAGE_INVALID',
    hint: 'add --name NAME',
  });
}

function withoutNetwork(request: RunRequest): RunRequest {
  return {
    ...request,
    ...{ network: 'none', networks: ['none'], networkAliases: [], networkRate: undefined, networkBurst: undefined },
    ...{ ip: undefined, ip6: undefined, macAddress: undefined, allowHostLoopback: false, addHosts: [] },
    ...{ publish: [], publishAll: false, expose: [] },
  };
}
