/** `--net container:NAME`: whose network it is, and what cannot be asked for beside it; reads the store. */
import { basename, join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { isSameIdMap, type IdExtent, type UserNamespace } from '../../linux/id-map.ts';
import { HUTCH_ANNOTATIONS, isPrivate, type RuntimeSpec, type SpecIdMapping } from '../../oci/runtime-spec.ts';
import { containerDirectory, findContainer } from '../../state/container-record.ts';
import type { Store } from '../../state/store.ts';
import type { EtcFiles } from './etc-files.ts';
import { badValue } from './parse-values.ts';
import { readSpec } from './read-spec.ts';
import type { RunRequest } from './run-request.ts';

const PREFIX = 'container:';

/** The container whose network is joined. */
export interface JoinedNetwork {
  readonly id: string;
  /** Files of this host by their places in its /etc: which names its network knows. */
  readonly files: Readonly<Record<string, string>>;
  readonly hostname: string | undefined;
  /** Its network is held to a rate. */
  readonly isLimited: boolean;
}

/** What a value of --net that names a container leads to; undefined for any other. CONTAINER_UNKNOWN, USAGE_INVALID, NETWORK_FAILED. */
export function findJoined(store: Store, network: string, request: RunRequest): JoinedNetwork | undefined {
  if (!network.startsWith(PREFIX)) return undefined;
  if (network === PREFIX) throw badValue('--network', network, 'container:NAME, the name or id of one that runs');
  const record = findContainer(store, network.slice(PREFIX.length));
  refuseBeside(network, request);
  const spec = readSpec(store, record.id);
  if (spec !== undefined && !isPrivate(spec, 'network')) throw hasNone(record.name);
  return {
    id: record.id,
    files: filesOf(store, record.id, spec),
    hostname: spec?.hostname,
    isLimited: spec?.annotations[HUTCH_ANNOTATIONS.networkRate] !== undefined,
  };
}

/** USERNS_FAILED unless both have the same ids: they will be in one user namespace. */
export function requireSameIds(store: Store, { id }: JoinedNetwork, own: UserNamespace): void {
  const spec = readSpec(store, id);
  if (spec === undefined || isSameSpecMap(spec, own)) return;
  throw new HutchError('the container whose network is to be joined has other ids than new ones get by now', {
    code: 'USERNS_FAILED',
    hint: 'make that container anew: your rows in /etc/subuid or /etc/subgid have changed since',
    context: { container: id },
  });
}

/** What belongs to the network is the other's own file, also where that changes; /etc/hostname is ours. */
export function joinedEtcFiles({ files }: JoinedNetwork, own: EtcFiles): EtcFiles {
  const replaced = new Set(Object.keys(files).map((place) => own.paths[place]));
  return { paths: { ...own.paths, ...files }, files: own.files.filter(({ path }) => !replaced.has(path)) };
}

/** As it sees them: it may have joined a network itself. */
function filesOf(store: Store, id: string, spec: RuntimeSpec | undefined): Record<string, string> {
  const sourceOf = (place: string): string =>
    spec?.mounts.find(({ destination, type }) => destination === place && type === 'bind')?.source ??
    join(containerDirectory(store, id), basename(place));
  return Object.fromEntries(['/etc/hosts', '/etc/resolv.conf'].map((place) => [place, sourceOf(place)]));
}

function isSameSpecMap({ linux }: RuntimeSpec, { uidMap, gidMap }: UserNamespace): boolean {
  return isSameIdMap(linux.uidMappings.map(extent), uidMap) && isSameIdMap(linux.gidMappings.map(extent), gidMap);
}

function extent({ containerID, hostID, size }: SpecIdMapping): IdExtent {
  return { containerId: containerID, hostId: hostID, count: size };
}

/** Docker refuses the same. */
function refuseBeside(network: string, request: RunRequest): void {
  const given: readonly (readonly [string, boolean])[] = [
    ['-p', request.publish.length > 0],
    ['-P', request.publishAll],
    ['--expose', request.expose.length > 0],
    ['--dns', request.dns.length > 0],
    ['--dns-search', request.dnsSearch.length > 0],
    ['--dns-option', (request.dnsOptions ?? []).length > 0],
    ['--add-host', request.addHosts.length > 0],
    ['--allow-host-loopback', request.allowHostLoopback === true],
    ['--hostname', request.hostname !== undefined],
    ['--network-rate', request.networkRate !== undefined],
  ];
  const flag = given.find(([, isGiven]) => isGiven)?.[0];
  if (flag === undefined) return;
  throw new HutchError(`${flag} does not go with --net ${network}: ${WHY_NOT[flag] ?? 'that is the other one’s'}`, {
    code: 'USAGE_INVALID',
    hint: `give ${flag} to the container whose network it is, when you make that one`,
    context: { flag, network },
  });
}

const PORTS = 'ports of the host lead to a network, which belongs to the other container';
const NAMES = 'it has the /etc/hosts and /etc/resolv.conf of the other container';
const WHY_NOT: Readonly<Record<string, string>> = {
  '-p': PORTS,
  '-P': PORTS,
  '--expose': PORTS,
  '--allow-host-loopback':
    'whether the host can be reached is a matter of the network, which belongs to the other container',
  '--dns': NAMES,
  '--dns-search': NAMES,
  '--dns-option': NAMES,
  '--add-host': NAMES,
  '--hostname': 'it has the host name of the other container, as /etc/hosts has it',
  '--network-rate': 'the rate is set on a device that belongs to the other container',
};

function hasNone(name: string): HutchError {
  return new HutchError(`container "${name}" has no network of its own that could be joined: it uses the host's`, {
    code: 'USAGE_INVALID',
    hint: 'use --net host, which is the same',
    context: { container: name },
  });
}
