/** Which ports a new container is reached by, and what its user should know of that; on the host's side, changes nothing. */
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import { networkDriver } from '../../drivers/network/select.ts';
import { findTool } from '../../host/run-tool.ts';
import { containerEnd, hostEnd, portText, type PublishedPort } from '../../oci/published-port.ts';
import type { Settings } from '../../state/settings.ts';
import type { Store } from '../../state/store.ts';
import type { ImageSource } from './image-source.ts';
import { choosePorts } from './choose-ports.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { parsePorts, type WantedPort } from './parse-ports.ts';
import type { RunRequest } from './run-request.ts';

export interface DecidedPorts {
  readonly ports: readonly PublishedPort[];
  /** What comes out otherwise than it was asked for. */
  readonly notes: readonly string[];
  /** For whoever does not stay: that the host alone gets there, though no address was named; null otherwise. */
  readonly reach: string | null;
}

export interface PortInput {
  readonly request: RunRequest;
  readonly image: ImageSource;
  readonly store: Store;
  readonly network: NetworkDriver;
  readonly settings: Settings;
  /** It is on networks that all lead nowhere, for now. */
  readonly isInternal: boolean;
}

/** Nobody else, as long as the settings do not say so: what is published by mistake on a shared machine is everybody's. */
const DEFAULT_ADDRESS = '127.0.0.1';

/** USAGE_INVALID where the network has no ports of its own, or the driver cannot listen at such an address; PORT_UNAVAILABLE. */
export async function decidePorts(input: PortInput): Promise<DecidedPorts> {
  const { request, image, store, network, settings, isInternal } = input;
  const address = settings.publishAddress ?? DEFAULT_ADDRESS;
  const asked = parsePorts(request, { exposed: image.defaults.exposedPorts, address });
  if (asked.length === 0) return { ports: [], notes: [], reach: null };
  if (network.name === 'host') return { ports: [], notes: [OF_HOST], reach: null };
  const { wanted, notes } = await publishable(network, asked);
  const ports = await choosePorts(store, wanted, { fallback: request.portFallback });
  return {
    ports,
    notes: [
      ...notes,
      ...(isInternal && ports.length > 0 ? [OF_INTERNAL] : []),
      ...ports.flatMap((port, index) => noteOn(port, wanted[index])),
    ],
    reach: reachOf(isInternal ? undefined : ports.find((_port, index) => wanted[index]?.isAnywhere === true), settings),
  };
}

const OF_HOST = "-p does nothing with --net host: the container's ports are those of the host";

const OF_INTERNAL =
  'no port of the host leads to an internal network: those of -p begin when `hutch network connect` puts the container on another one';

function noteOn(port: PublishedPort, wanted: WantedPort | undefined): string[] {
  if (wanted === undefined || wanted.hostPorts.length === 0 || wanted.hostPorts.includes(port.hostPort)) return [];
  return [`port ${String(wanted.hostPorts[0])} is root’s on this host; published instead: ${portText(port)}`];
}

function reachOf(port: PublishedPort | undefined, { publishAddress }: Settings): string | null {
  if (port === undefined || publishAddress !== undefined) return null;
  return `${hostEnd(port)} is reached from this host alone; -p 0.0.0.0:${String(port.hostPort)}:${String(port.containerPort)} lets others in, "publishAddress" in the settings does so for all`;
}

interface Publishable {
  readonly wanted: readonly WantedPort[];
  readonly notes: readonly string[];
}

/** Of what -P takes, the driver may lack some, which is said; what the user has named must be had. USAGE_INVALID. */
async function publishable(network: NetworkDriver, asked: readonly WantedPort[]): Promise<Publishable> {
  const [wanted, notes]: [WantedPort[], string[]] = [[], []];
  for (const port of asked) {
    const reason = await network.refusal(port);
    if (reason === undefined) wanted.push(port);
    else if (port.isOffered === true && network.device !== null)
      notes.push(`-P does not publish port ${containerEnd(port)} at ${port.hostAddress}: ${reason}`);
    else throw await refused(network, port, reason);
  }
  return { wanted, notes };
}

async function refused(network: NetworkDriver, port: WantedPort, reason: string): Promise<HutchError> {
  const where = network.name === 'bridge' ? 'on a network of yours' : `with --net ${network.name}`;
  return new HutchError(`port ${containerEnd(port)} cannot be published at ${port.hostAddress} ${where}: ${reason}`, {
    code: 'USAGE_INVALID',
    hint: await otherWays(network, port),
    context: { network: network.name, address: port.hostAddress },
  });
}

const OTHER_ADDRESSES = ['127.0.0.1', '0.0.0.0'];
const OTHER_DRIVERS = ['slirp4netns', 'pasta'] as const;

/** Those that this host has. */
async function otherWays(network: NetworkDriver, port: WantedPort): Promise<string> {
  if (network.joins !== undefined) return 'give -p to the other container, when it is made';
  const can = async (driver: NetworkDriver, hostAddress: string): Promise<boolean> =>
    (await driver.refusal({ protocol: port.protocol, hostAddress })) === undefined;
  const addresses: string[] = [];
  for (const address of OTHER_ADDRESSES) if (await can(network, address)) addresses.push(address);
  const drivers: string[] = [];
  for (const name of OTHER_DRIVERS)
    if (name !== network.name && findTool(name) !== undefined && (await can(networkDriver(name), port.hostAddress)))
      drivers.push(`--net ${name}`);
  const ways = [
    ...(addresses.length === 0 ? [] : [`give another address (${addresses.join(' or ')})`]),
    ...(drivers.length === 0 ? [] : [`use ${drivers.join(' or ')}`]),
  ];
  return ways.length > 0
    ? ways.join(', or ')
    : 'it takes --net pasta with a passt of 2024 or later, which this host lacks';
}
