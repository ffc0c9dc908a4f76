/** Everything about a new container that can be decided before anything is made: its spec and its plan; on the host's side. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { UserNamespace } from '../../linux/id-map.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { hostArchitecture } from './host-architecture.ts';
import type { ResolverSettings } from '../../host/resolver.ts';
import { findTool } from '../../host/run-tool.ts';
import { NETWORK_DRIVERS, type NetworkDriver, type NetworkDriverName } from '../../drivers/network/driver.ts';
import { bridgeDriver } from '../../drivers/network/bridge.ts';
import { containerDriver } from '../../drivers/network/container.ts';
import { networkDriver } from '../../drivers/network/select.ts';
import { chooseRootfsDriver, ROOTFS_DRIVERS, type RootfsDriverName } from '../../drivers/rootfs/probe.ts';
import { rootfsDriver } from '../../drivers/rootfs/select.ts';
import { mountPoint } from '../../drivers/rootfs/container-paths.ts';
import { joinPreparations, preparation, type RootfsSource } from '../../oci/rootfs-source.ts';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import { compilePlan } from '../../plan/compile/compile-plan.ts';
import type { Plan } from '../../plan/step.ts';
import { readSettings, type Settings } from '../../state/settings.ts';
import { skeletonDirectory } from '../../state/skeleton.ts';
import type { Store } from '../../state/store.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import type { ChosenNetworks } from '../network/choose-networks.ts';
import { parseNetworks } from '../network/parse-networks.ts';
import { chooseCgroup, type ChosenCgroup } from './choose-cgroup.ts';
import { buildSpec, hostnameOf, type SpecExtras } from './build-spec.ts';
import type { DecidedPorts } from './decide-ports.ts';
import { findJoined, joinedEtcFiles, requireSameIds, type JoinedNetwork } from './join-network.ts';
import { etcFiles, resolverOf, type EtcFiles } from './etc-files.ts';
import type { ImageSource } from './image-source.ts';
import { refuseBreakers, requireRateTools } from './network-rate.ts';
import { badValue } from './parse-values.ts';
import type { RunRequest } from './run-request.ts';
import { systemdMode } from './systemd-mode.ts';

export interface Draft {
  /** Null: its /etc/resolv.conf is another container's. */
  readonly resolver: ResolverSettings | null;
  readonly published: DecidedPorts;
  /** The user networks it is to be on; undefined for another kind of network. */
  readonly networks: ChosenNetworks | undefined;
  readonly spec: RuntimeSpec;
  readonly plan: Plan;
  /** Why only one id could be mapped; null when all are. */
  readonly reducedBecause: string | null;
}

export interface DraftInput {
  readonly request: RunRequest;
  readonly image: ImageSource;
  readonly id: string;
  readonly name: string;
  readonly store: Store;
  /** The container's own directory, which need not exist. */
  readonly directory: string;
  /** It is no plan only: the network that `--net bridge` means is made where it is not there. */
  readonly isToBeMade: boolean;
  readonly earlyNetwork?: EarlyNetwork | undefined;
}

/** A network that is made ready while the container is drafted. */
export interface EarlyNetwork {
  /** It will be one of its own, with a helper. */
  isWanted(): void;
  /** That helper's words are known; `run` is the run directory. */
  start(words: readonly string[], run: string): void;
}

/** Drafts a container. Reads the host, changes nothing on it (but remembers what it finds out about drivers, and may make a network). */
export async function draftContainer(input: DraftInput): Promise<Draft> {
  const { image, directory, store } = input;
  const settings = readSettings(store);
  const joined = findJoined(store, input.request.network ?? '', input.request);
  const request = joined === undefined ? input.request : { ...input.request, hostname: joined.hostname };
  const networks = await networksOf(input, settings);
  const network = joined === undefined ? chooseNetwork(input, { settings, networks }) : containerDriver(joined.id);
  const cgroup = await chooseCgroup(
    { ...request, systemd: systemdMode(request, image) },
    { settings, store, id: input.id },
  );
  const published = await portsOf(input, network, { settings, networks });
  const { ports } = published;
  const networkHelper = helperOf(network, request, ports);
  if (networkHelper !== null) startEarly(input, networkHelper, cgroup);
  const [maps, driver] = await Promise.all([chooseMaps(), chooseDriver(request, settings, store)]);
  if (joined !== undefined) requireSameIds(store, joined, maps.userNamespace);
  const rootfs = image.isHost
    ? driver.prepareHost(directory)
    : driver.prepare({ directory, layers: image.layerDirectories, skeleton: skeletonOf(store) });
  refuseSharedPids(driver.name, rootfs.source, request);
  const hostname = hostnameOf({ ...input, request });
  const { etc, resolver } = nameFiles(directory, { request, network, joined, names: { hostname, name: input.name } });
  const spec = buildSpec({
    ...input,
    request,
    userNamespace: maps.userNamespace,
    network,
    ports,
    cgroup,
    extras: await extrasOf(input),
    etcFiles: etc.paths,
    initProgram: request.init ? findInitProgram() : null,
    rootPath: mountPoint(directory),
  });
  if (request.networkRate !== undefined) requireRateTools();
  if (joined?.isLimited === true) refuseBreakers(spec.process.capabilities.bounding);
  const plan = compilePlan(spec, {
    userNamespaces: joined === undefined ? userNamespaces(maps.userNamespace) : [maps.userNamespace],
    prepare: joinPreparations(
      rootfs.preparation,
      preparation({ directories: [join(directory, 'root')], files: etc.files }),
    ),
    rootfs: rootfs.source,
    networkHelper,
    ports: network.isAskedForPorts ? ports : [],
    networks: namesOf(networks),
    withIPv6: networks?.withIPv6 ?? [],
    networkDevice: network.device,
    architecture: hostArchitecture(),
  });
  return { published, resolver, networks, spec, plan, reducedBecause: maps.reducedBecause };
}

/** Undefined in a store that has none (yet). */
function skeletonOf(store: Store): string | undefined {
  const directory = skeletonDirectory(store);
  return existsSync(directory) ? directory : undefined;
}

/** What serves a root in user space ends with the container's own pid namespace, and with nothing else that is certain. */
function refuseSharedPids(driver: RootfsDriverName, { kind }: RootfsSource, { pid }: RunRequest): void {
  if (kind !== 'helper' || pid !== 'host') return;
  throw new HutchError(
    `storage driver ${driver} needs a pid namespace of the container's own, and --pid host has none`,
    {
      code: 'DRIVER_UNAVAILABLE',
      hint: 'leave out --pid host, or use --storage-driver overlay or vfs',
    },
  );
}

interface NameFilesInput {
  readonly request: RunRequest;
  readonly network: NetworkDriver;
  readonly joined: JoinedNetwork | undefined;
  readonly names: { readonly hostname: string; readonly name: string };
}

/** The files of /etc, and how resolv.conf goes along with the host's: not at all where it is another container's, or where no name server can be reached. */
function nameFiles(directory: string, { request, network, joined, names }: NameFilesInput) {
  const own = etcFiles(directory, request, names, network);
  return joined === undefined
    ? { etc: withHosts(request, own), resolver: network.name === 'none' ? null : resolverOf(request, network) }
    : { etc: withHosts(request, joinedEtcFiles(joined, own)), resolver: null };
}

/** USAGE_INVALID for --no-hosts with names for /etc/hosts. */
function withHosts({ noHosts, addHosts }: RunRequest, { paths, files }: EtcFiles): EtcFiles {
  if (noHosts !== true) return { paths, files };
  if (addHosts.length > 0)
    throw badValue('--add-host', addHosts[0] ?? '', 'no --no-hosts with it: they contradict each other');
  return { paths: Object.fromEntries(Object.entries(paths).filter(([place]) => place !== '/etc/hosts')), files };
}

/**
 * One user namespace is enough for the plain map. HUTCH_NESTED=1 puts a second one with the same ids below it: the chain that
 * other id maps and user networks will need, kept working by the tests.
 */
function userNamespaces(outer: UserNamespace): readonly [UserNamespace, ...UserNamespace[]] {
  if (process.env['HUTCH_NESTED'] !== '1') return [outer];
  const identity = (map: UserNamespace['uidMap']) => map.map((extent) => ({ ...extent, hostId: extent.containerId }));
  return [outer, { uidMap: identity(outer.uidMap), gidMap: identity(outer.gidMap), writer: 'parent' }];
}

/** Loaded for those alone who are on some. */
async function networksOf(
  { request, store, isToBeMade }: DraftInput,
  settings: Settings,
): Promise<ChosenNetworks | undefined> {
  const asked = parseNetworks(request, settings);
  if (asked === undefined) return undefined;
  const { chooseNetworks } = await import('../network/choose-networks.ts');
  return chooseNetworks(store, asked, { dns: request.dns, makesDefault: isToBeMade });
}

function helperOf({ helper }: NetworkDriver, { allowHostLoopback }: RunRequest, ports: DecidedPorts['ports']) {
  return helper?.({ ports, hostLoopback: allowHostLoopback === true }) ?? null;
}

/** Helpers belong to the container's cgroup, where it has one. */
function startEarly({ earlyNetwork, store }: DraftInput, words: readonly string[], cgroup: ChosenCgroup | null): void {
  if (cgroup === null) earlyNetwork?.start(words, store.run);
}

function namesOf(networks: ChosenNetworks | undefined): string[] {
  return networks?.attachments.map(({ network }) => network) ?? [];
}

interface NetworkChoice {
  readonly settings: Settings;
  readonly networks: ChosenNetworks | undefined;
}

function chooseNetwork(
  { request, store, earlyNetwork }: DraftInput,
  { settings, networks }: NetworkChoice,
): NetworkDriver {
  const driver = networks === undefined ? driverOf(request, settings, store) : bridgeDriver(networks.gateway);
  driver.check();
  if (driver.helper !== null) earlyNetwork?.isWanted();
  return driver;
}

function driverOf(request: RunRequest, settings: Settings, store: Store): NetworkDriver {
  const name = request.network ?? settings.network ?? 'slirp4netns';
  const driver = (NETWORK_DRIVERS as readonly string[]).includes(name)
    ? networkDriver(name as NetworkDriverName)
    : undefined;
  if (driver === undefined) {
    const place = request.network === undefined ? settingPlace('network', store) : '--net';
    throw badValue(place, name, `one of ${NETWORK_DRIVERS.join(', ')}, container:NAME`);
  }
  return driver;
}

/** Loaded for those alone who ask for any. */
async function extrasOf({ request, store }: DraftInput): Promise<SpecExtras> {
  const { mounts = [], annotations = [], timeZone, domainname, oomScoreAdj } = request;
  const asked = [...mounts, ...annotations, timeZone, domainname, oomScoreAdj];
  if (asked.every((word) => word === undefined)) return {};
  const { parseExtras } = await import('./parse-extras.ts');
  return parseExtras(request, store);
}

/** Loaded for those alone who publish something. */
async function portsOf(
  input: DraftInput,
  network: NetworkDriver,
  { settings, networks }: NetworkChoice,
): Promise<DecidedPorts> {
  const { publish, publishAll, expose } = input.request;
  if (publish.length === 0 && expose.length === 0 && !publishAll) return { ports: [], notes: [], reach: null };
  const { decidePorts } = await import('./decide-ports.ts');
  return decidePorts({ ...input, network, settings, isInternal: networks?.areInternal === true });
}

async function chooseDriver(request: RunRequest, settings: Settings, store: Store) {
  const wanted = request.storageDriver ?? settings.storageDriver;
  if (wanted !== undefined && !(ROOTFS_DRIVERS as readonly string[]).includes(wanted)) {
    const place = request.storageDriver === undefined ? settingPlace('storageDriver', store) : '--storage-driver';
    throw badValue(place, wanted, `one of ${ROOTFS_DRIVERS.join(', ')}`);
  }
  const chosen = await chooseRootfsDriver(store, wanted as RootfsDriverName | undefined);
  return rootfsDriver(chosen.name);
}

function settingPlace(key: keyof Settings, { config }: Store): string {
  return `"${key}" in ${join(config, 'config.json')}`;
}

/** A reaper that distributions ship; it must be a static program, as the image need not have a C library. */
function findInitProgram(): string {
  const found = ['catatonit', 'tini-static', 'docker-init'].map(findTool).find((path) => path !== undefined);
  if (found !== undefined) return found;
  throw new HutchError('--init needs a small init program, and this host has none', {
    code: 'HOST_TOOL_MISSING',
    hint: 'ask an admin to install one: apt-get install catatonit',
  });
}
