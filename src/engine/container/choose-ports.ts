/** From the ports that a user wants to those that the host can give; on the host's side, leaves nothing open. */
import { HutchError } from '../../errors/hutch-error.ts';
import { findListener, tryPort, type HostPort } from '../../host/host-port.ts';
import { hostEnd, type PublishedPort } from '../../oci/published-port.ts';
import { listContainers, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import type { Store } from '../../state/store.ts';
import type { WantedPort } from './parse-ports.ts';

/** Ports below it are root's, unless the administrator has said otherwise. Source: ip(7), ip_unprivileged_port_start. */
const FIRST_FREE = 1024;
const WILDCARDS = ['0.0.0.0', '::'];
/** Where the port of a service is looked for that must not have its own: 80 at 8080, 443 at 8443. */
const FALLBACK_OFFSET = 8000;

/**
 * A port of the host for each: the first of those named that is free, any other where none is named. With `fallback` one that is root's is replaced
 * by a higher one. PORT_UNAVAILABLE names the port, why it cannot be had, and who holds it if that can be known.
 */
export async function choosePorts(
  store: Store,
  wanted: readonly WantedPort[],
  { fallback }: { readonly fallback: boolean },
): Promise<PublishedPort[]> {
  const chosen: PublishedPort[] = [];
  // One after the other: a port that was just found free is not found again.
  for (const port of wanted) chosen.push(await choosePort(store, port, { fallback, chosen }));
  return chosen;
}

interface Choice {
  readonly fallback: boolean;
  readonly chosen: readonly PublishedPort[];
}

async function choosePort(store: Store, wanted: WantedPort, choice: Choice): Promise<PublishedPort> {
  const { protocol, hostAddress, containerPort, hostPorts } = wanted;
  const isTaken = (hostPort: number): boolean =>
    choice.chosen.some((other) => other.hostPort === hostPort && other.protocol === protocol);
  let [failed, errno]: [HostPort | undefined, string] = [undefined, ''];
  for (const hostPort of hostPorts.length === 0 ? [0, 0, 0] : hostPorts) {
    const port = { protocol, hostAddress, hostPort };
    const result = await tryPort(port);
    if (typeof result === 'number' && (hostPort !== 0 || !isTaken(result)))
      return { ...port, containerPort, hostPort: result };
    [failed, errno] = [port, typeof result === 'number' ? 'EADDRINUSE' : result];
    if (errno === 'EACCES' && choice.fallback) return higherPort(store, wanted, hostPort, choice);
  }
  throw unavailable(store, failed ?? { protocol, hostAddress, hostPort: 0 }, errno);
}

async function higherPort(store: Store, wanted: WantedPort, low: number, choice: Choice): Promise<PublishedPort> {
  try {
    return await choosePort(store, { ...wanted, hostPorts: [low + FALLBACK_OFFSET] }, choice);
  } catch {
    return choosePort(store, { ...wanted, hostPorts: [] }, choice);
  }
}

/** Why a port cannot be had, in words. */
export function unavailable(store: Store, port: HostPort, errno: string): HutchError {
  const what = `port ${hostEnd(port)}/${port.protocol} of this host`;
  const context = { address: port.hostAddress, port: port.hostPort, errno };
  const say = (reason: string, hint: string): HutchError =>
    new HutchError(`${what} cannot be published: ${reason}`, { code: 'PORT_UNAVAILABLE', hint, context });
  if (errno === 'EADDRINUSE') return say(`${holderOf(store, port)} it`, 'end that, or give another port with -p');
  if (errno === 'EACCES' && port.hostPort < FIRST_FREE)
    return say(
      'ports below 1024 are root’s on this host',
      `use a higher one, or --port-fallback, which finds one; or ask an admin: sysctl -w net.ipv4.ip_unprivileged_port_start=${String(port.hostPort)}`,
    );
  if (errno === 'EADDRNOTAVAIL') return say('no device of it has that address', 'see `ip addr` for those it has');
  return say(errno, 'give another address or port with -p');
}

/** A wildcard has it at each address. */
function doesPublish({ ports = [] }: ContainerRecord, { protocol, hostAddress, hostPort }: HostPort): boolean {
  const isSame = (address: string): boolean =>
    address === hostAddress || [address, hostAddress].some((one) => WILDCARDS.includes(one));
  return ports.some((port) => port.protocol === protocol && port.hostPort === hostPort && isSame(port.hostAddress));
}

function holderOf(store: Store, port: HostPort): string {
  const listener = findListener(port);
  if (listener === undefined) return 'a process of somebody else has';
  const owner = listContainers(store).find(
    (record) => doesPublish(record, port) && isBusy(currentState(store, record)),
  );
  if (owner !== undefined) return `container "${owner.name}" has`;
  return `process ${String(listener.lineage[0])} (${listener.command}) has`;
}
