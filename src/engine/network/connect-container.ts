/** `hutch network connect` and `disconnect`: a container that runs is told by its monitor, one that does not by its record; on the host's side. */
import { HutchError, isHutchError } from '../../errors/hutch-error.ts';
import { findContainer, writeContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { withLock } from '../../state/lock.ts';
import { noteNetworkEvent } from '../../state/network-events.ts';
import type { NetworkAttachment, NetworkRecord } from '../../state/network-record.ts';
import { findNetwork, peekNetwork, readNetwork } from '../../state/networks.ts';
import type { ControlRequest } from '../../protocol/control.ts';
import type { Store } from '../../state/store.ts';
import { isSilent } from '../container/container-errors.ts';
import { openOwnStore } from '../container/open-own-store.ts';
import { orSilent, reachMonitor } from '../container/reach-monitor.ts';
import { checked } from './choose-networks.ts';
import { attachment } from './parse-networks.ts';
import { followGateway } from './name-server-file.ts';

/** What the hub may take with many containers at it. */
const PATIENCE_MS = 20_000;

export interface ConnectRequest {
  readonly network: string;
  readonly container: string;
  readonly aliases: readonly string[];
  readonly ip?: string | undefined;
  readonly ip6?: string | undefined;
  readonly mac?: string | undefined;
}

/**
 * Puts a container on one more network. CONTAINER_UNKNOWN, NETWORK_UNKNOWN, USAGE_INVALID for one that has another kind of network or is on it
 * already; what the hub says where it cannot, and then nothing is changed.
 */
export async function connectContainer({ network, container, aliases, ip, ip6, mac }: ConnectRequest): Promise<void> {
  await change(container, async (store, record) => {
    const networkRecord = findNetwork(store, network);
    const wanted = checked(attachment(networkRecord.name, { aliases, ip, ip6, mac }), networkRecord);
    const present = record.networks;
    if (present === undefined) throw otherKind(record);
    if (present.some((one) => one.network === networkRecord.name)) throw isOn(record, networkRecord, true);
    await tell(store, record, { request: 'connect', network: networkRecord, attachment: wanted });
    keep(store, record, [...present, wanted]);
    // From here on nobody can remove it; whoever did before has not seen the record.
    if (readNetwork(store, networkRecord.name) === undefined) keep(store, record, present);
    findNetwork(store, networkRecord.name);
  });
}

/** Takes a container off a network, which may be its last, and may be gone. As connectContainer(). */
export async function disconnectContainer(network: string, container: string): Promise<void> {
  await change(container, async (store, record) => {
    const networkRecord = networkOfContainer(store, record, network);
    const { name } = networkRecord;
    const left = record.networks?.filter((one) => one.network !== name) ?? [];
    if (left.length === (record.networks?.length ?? 0)) throw isOn(record, networkRecord, false);
    const isTold = await tell(store, record, { request: 'disconnect', network: name });
    keep(store, record, left);
    // Whoever looks after a container that runs notes what it gets and loses; one that does not run gets nothing before it starts.
    if (!isTold) noteNetworkEvent(store, 'disconnect', networkRecord, { container: record.id });
  });
}

/** By the name in the container's record, too: nothing more is needed to take it off. */
function networkOfContainer(store: Store, { networks = [] }: ContainerRecord, word: string): KnownByName {
  try {
    return findNetwork(store, word);
  } catch (error) {
    const isOnIt = networks.some(({ network }) => network === word);
    if (!isOnIt || !isHutchError(error, 'NETWORK_UNKNOWN', 'RECORD_CORRUPT')) throw error;
    return { id: '', name: word, labels: {} };
  }
}

type KnownByName = Pick<NetworkRecord, 'id' | 'name' | 'labels'>;
type Change = (store: Store, record: ContainerRecord) => Promise<void>;

/** One after the other: each writes the record anew, as `rename` does. */
async function change(container: string, work: Change): Promise<void> {
  const { store } = await openOwnStore();
  findContainer(store, container);
  await withLock(store.containers, 'change the networks of a container', () =>
    work(store, findContainer(store, container)),
  );
}

function keep(store: Store, record: ContainerRecord, networks: readonly NetworkAttachment[]): void {
  writeContainer(store, { ...record, networks });
  const [first] = networks;
  const gateway = first === undefined ? undefined : peekNetwork(store, first.network)?.gateway;
  if (gateway !== undefined) followGateway(store, record.id, gateway);
}

/** False for a container that does not run: it hears of it when it starts. */
async function tell(store: Store, record: ContainerRecord, request: ControlRequest): Promise<boolean> {
  if (!isBusy(currentState(store, record))) return false;
  const control = await reachMonitor(store, record);
  if (control === undefined) return false;
  using _control = control;
  const answer = await orSilent(record, control.ask(request), PATIENCE_MS);
  if (answer?.event === 'done') return true;
  if (answer?.event !== 'refused') throw isSilent(record);
  throw new HutchError(`the networks of container "${record.name}" could not be changed: ${answer.reason}`, {
    code: 'NETWORK_FAILED',
    hint: 'stop the container, change its networks and start it again',
    context: { container: record.name },
  });
}

function otherKind({ name }: ContainerRecord): HutchError {
  return new HutchError(`container "${name}" has a network of another kind, to which none can be added`, {
    code: 'USAGE_INVALID',
    hint: 'make it anew with --network NAME, or --network bridge',
    context: { container: name },
  });
}

function isOn({ name }: ContainerRecord, network: KnownByName, isIt: boolean): HutchError {
  return new HutchError(
    `container "${name}" is ${isIt ? 'on network' : 'not on network'} "${network.name}"${isIt ? ' already' : ''}`,
    {
      code: 'USAGE_INVALID',
      hint: 'see `hutch inspect` for the networks it is on',
      context: { container: name, network: network.name },
    },
  );
}
