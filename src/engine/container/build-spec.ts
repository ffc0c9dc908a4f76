/** From what the user asks, what the image says and what the host has to a runtime spec; on the host's side, changes nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { HutchError } from '../../errors/hutch-error.ts';
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES, capabilityName } from '../../linux/capabilities.ts';
import type { UserNamespace } from '../../linux/id-map.ts';
import { portText, type PublishedPort } from '../../oci/published-port.ts';
import { DEFAULT_DEVICES, defaultMounts, MASKED_PATHS, READONLY_PATHS } from '../../oci/default-mounts.ts';
import {
  HUTCH_ANNOTATIONS,
  type RuntimeSpec,
  type SpecCapabilities,
  type SpecIdMapping,
  type SpecMount,
  type SpecNamespaceType,
} from '../../oci/runtime-spec.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import type { Store } from '../../state/store.ts';
import { buildEnvironment } from './build-environment.ts';
import type { ChosenCgroup } from './choose-cgroup.ts';
import { buildLabels } from './build-labels.ts';
import { buildRlimits } from './build-rlimits.ts';
import type { ImageSource } from './image-source.ts';
import { networkRate } from './network-rate.ts';
import { parseContainerPath, parseSeconds, parseSharing, parseSize, badValue } from './parse-values.ts';
import { parseDevices } from './parse-device.ts';
import { INIT_TARGET, payloadArguments } from './payload-arguments.ts';
import { parseTmpfs, parseVolume } from './parse-volume.ts';
import { resolveUser, type ResolvedUser } from './resolve-user.ts';
import type { RunRequest } from './run-request.ts';
import { parseSecurityOptions, type SecurityOptions } from './security-options.ts';
import { buildSysctls } from './build-sysctls.ts';
import { systemdEnvironment, systemdMode, systemdTmpfs } from './systemd-mode.ts';

/** Docker's size of /dev/shm. */
const DEFAULT_SHM_BYTES = 64 * 1024 * 1024;
/** Half of what the kernel's clocks can count. Source: KTIME_SEC_MAX in linux/ktime.h. */
const MOST_CLOCK_SECONDS = 4_611_686_018;

/** What flags add that few use. */
export interface SpecExtras {
  readonly mounts?: readonly SpecMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly domain?: Pick<RuntimeSpec, 'domainname'>;
  readonly process?: Pick<RuntimeSpec['process'], 'oomScoreAdj'>;
}

export interface SpecInput {
  readonly request: RunRequest;
  readonly image: ImageSource;
  readonly id: string;
  readonly name: string;
  readonly userNamespace: UserNamespace;
  readonly network: NetworkDriver;
  readonly ports: readonly PublishedPort[];
  /** Null: none of its own. */
  readonly cgroup: ChosenCgroup | null;
  readonly store: Store;
  readonly extras?: SpecExtras;
  /** Host files shown at /etc/hosts, /etc/hostname and /etc/resolv.conf. */
  readonly etcFiles: Readonly<Record<string, string>>;
  /** The host's reaper program for --init, or null. */
  readonly initProgram: string | null;
  readonly rootPath: string;
}

/** Builds the spec. USAGE_INVALID, VOLUME_INVALID, ID_UNMAPPED name the value at fault. */
export function buildSpec(input: SpecInput): RuntimeSpec {
  const { request, image, extras = {} } = input;
  const namespaces = chooseNamespaces(request, input.network);
  const has = (type: SpecNamespaceType): boolean => namespaces.includes(type);
  const security = parseSecurityOptions(request.securityOptions, request.privileged);
  const user = resolveUser(request.user ?? image.defaults.user, image.layerDirectories, request.groupAdd);
  const capabilities = chooseCapabilities(request, user);
  const offset = request.clockOffset === undefined ? 0 : parseClockOffset(request.clockOffset);
  return {
    ociVersion: '1.2.0',
    process: {
      terminal: request.terminal,
      user: { uid: user.uid, gid: user.gid, umask: parseUmask(request.umask), additionalGids: user.additionalGids },
      args: payloadArguments(request, image),
      env: buildEnvironment(request, [...systemdEnvironment(input), ...image.defaults.env], {
        hostname: hostnameOf(input),
        home: user.home,
      }),
      cwd: parseContainerPath('-w', request.workingDirectory ?? (image.defaults.workingDirectory || '/')),
      capabilities,
      rlimits: buildRlimits(request.ulimits),
      noNewPrivileges: security.noNewPrivileges,
      ...extras.process,
    },
    root: { path: input.rootPath, readonly: request.readOnly },
    ...(has('uts') ? { hostname: hostnameOf(input) } : {}),
    ...extras.domain,
    mounts: allMounts(input, has),
    linux: {
      namespaces: namespaces.map((type) => namespaceOf(type, input.network)),
      uidMappings: input.userNamespace.uidMap.map(specMapping),
      gidMappings: input.userNamespace.gidMap.map(specMapping),
      ...(has('time')
        ? { timeOffsets: { monotonic: { secs: offset, nanosecs: 0 }, boottime: { secs: offset, nanosecs: 0 } } }
        : {}),
      devices: [...DEFAULT_DEVICES, ...parseDevices(request.devices)],
      sysctl: buildSysctls(
        request.sysctls,
        (type) => has(type) && !isJoined(type, input.network),
        input.userNamespace.gidMap.map(specMapping),
      ),
      maskedPaths: request.privileged ? [] : maskedPaths(security),
      readonlyPaths: request.privileged ? [] : READONLY_PATHS.filter((path) => !isUnmasked(security, path)),
      seccomp: security.seccomp(capabilities.bounding),
      ...(input.cgroup === null ? {} : { cgroupsPath: input.cgroup.path, resources: input.cgroup.resources }),
    },
    annotations: {
      ...buildLabels(request, image.defaults.labels),
      ...extras.annotations,
      [HUTCH_ANNOTATIONS.name]: input.name,
      [HUTCH_ANNOTATIONS.network]: input.network.name,
      ...(request.allowHostLoopback === true ? { [HUTCH_ANNOTATIONS.hostLoopback]: 'true' } : {}),
      ...(input.ports.length === 0 ? {} : { [HUTCH_ANNOTATIONS.ports]: input.ports.map(portText).join(',') }),
      ...networkRate(request, input.network, capabilities),
      ...(input.cgroup === null
        ? {}
        : {
            [HUTCH_ANNOTATIONS.cgroupDriver]: input.cgroup.driver,
            [HUTCH_ANNOTATIONS.cgroupRequired]: String(input.cgroup.isRequired),
          }),
      [HUTCH_ANNOTATIONS.stdin]: String(request.interactive),
      [HUTCH_ANNOTATIONS.seccompProfile]: security.seccompName,
      [HUTCH_ANNOTATIONS.landlock]: String(useLandlock(request, security, capabilities)),
    },
  };
}

/** The user namespace comes along: it owns the network namespace. */
function isJoined(type: SpecNamespaceType, { joins }: NetworkDriver): boolean {
  return joins !== undefined && (type === 'network' || type === 'user');
}

function namespaceOf(type: SpecNamespaceType, network: NetworkDriver): { type: SpecNamespaceType; path?: string } {
  return isJoined(type, network) ? { type, path: network.name } : { type };
}

function specMapping(extent: { containerId: number; hostId: number; count: number }): SpecIdMapping {
  return { containerID: extent.containerId, hostID: extent.hostId, size: extent.count };
}

function chooseNamespaces(request: RunRequest, network: NetworkDriver): SpecNamespaceType[] {
  const wanted: [SpecNamespaceType, boolean][] = [
    ['user', true],
    ['mount', true],
    ['pid', parseSharing('--pid', request.pid) === 'private'],
    ['uts', parseSharing('--uts', request.uts) === 'private'],
    ['ipc', parseSharing('--ipc', request.ipc) === 'private'],
    ['cgroup', parseSharing('--cgroupns', request.cgroupns) === 'private'],
    ['network', network.isPrivate],
    ['time', hasTimeNamespaces(request)],
  ];
  return wanted.filter(([, isNew]) => isNew).map(([type]) => type);
}

/**
 * Before Linux 6.3 a process makes no threads between unshare(2) of the time namespace and its next fork(2). A container that shares the host's
 * pids has no fork there, so it gets one only for an offset. Source: time_namespaces(7), copy_namespaces() in kernel/nsproxy.c.
 */
function hasTimeNamespaces(request: RunRequest): boolean {
  const known = existsSync('/proc/self/ns/time');
  if (request.clockOffset === undefined) return known && request.pid !== 'host';
  if (known) return true;
  throw new HutchError('--clock-offset needs time namespaces, which this kernel does not have', {
    code: 'HOST_FEATURE_MISSING',
    hint: 'use a kernel from 5.6 on with CONFIG_TIME_NS, or leave the flag out',
  });
}

/** The name that the container knows itself by. USAGE_INVALID when it is no host name. */
export function hostnameOf({ request, id }: Pick<SpecInput, 'request' | 'id'>): string {
  if (request.uts === 'host') return readFileSync('/proc/sys/kernel/hostname', 'utf8').trim();
  const name = request.hostname ?? id.slice(0, 12);
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62}[a-zA-Z0-9])?$/u.test(name)) {
    throw badValue('-h', name, 'letters, digits, "-" and ".", at most 64');
  }
  return name;
}

/** The kernel takes no offset that would turn a clock below zero, nor one of more than 146 years. Source: time_namespaces(7). */
function parseClockOffset(text: string): number {
  const seconds = parseSeconds('--clock-offset', text);
  const sinceBoot = Number(process.hrtime.bigint() / 1_000_000_000n);
  if (seconds > MOST_CLOCK_SECONDS || seconds < -sinceBoot)
    throw badValue(
      '--clock-offset',
      text,
      `an offset from -${String(sinceBoot)}s (these clocks count from the boot of the host) to ${String(MOST_CLOCK_SECONDS)}s`,
    );
  return seconds;
}

function parseUmask(text: string | undefined): number {
  if (text === undefined) return 0o022;
  if (!/^[0-7]{1,4}$/u.test(text)) throw badValue('--umask', text, 'an octal number such as 0022');
  return Number.parseInt(text, 8);
}

function chooseCapabilities(request: RunRequest, user: ResolvedUser): SpecCapabilities {
  const all = (names: readonly string[]): boolean => names.some((name) => name.toUpperCase() === 'ALL');
  const named = (flag: string, names: readonly string[]): string[] =>
    names
      .filter((name) => name.toUpperCase() !== 'ALL')
      .map((name) => capabilityName(name) ?? unknownCapability(flag, name));
  const added = named('--cap-add', request.capAdd);
  const dropped = named('--cap-drop', request.capDrop);
  if (all(request.capAdd) && all(request.capDrop))
    throw badValue('--cap-drop', 'ALL', '--cap-add ALL or --cap-drop ALL, not both');
  const every = request.privileged || all(request.capAdd);
  const base: readonly string[] = every ? CAPABILITY_NAMES : all(request.capDrop) ? [] : DEFAULT_CAPABILITIES;
  const bounding = [...new Set([...base, ...added])].filter((name) => !dropped.includes(name));
  if (user.uid === 0) return { bounding, effective: bounding, permitted: bounding, inheritable: [], ambient: [] };
  // Another user than root has none unless it was asked for by name; those must be ambient to outlive execve.
  const kept = request.privileged ? [] : added.filter((name) => bounding.includes(name));
  return { bounding, effective: kept, permitted: kept, inheritable: kept, ambient: kept };
}

function unknownCapability(flag: string, name: string): never {
  throw badValue(flag, name, 'a capability such as NET_BIND_SERVICE or CAP_SYS_PTRACE (capabilities(7)), or ALL');
}

function allMounts(input: SpecInput, has: (type: SpecNamespaceType) => boolean): SpecMount[] {
  const { request } = input;
  const asked = [
    ...(systemdMode(request, input.image) === 'off' ? [] : systemdTmpfs(request)),
    ...request.tmpfs.map(parseTmpfs),
    ...request.volumes.map((text) => parseVolume(text, input.store)),
    ...(input.extras?.mounts ?? []),
  ];
  refuseTwice(asked);
  const shmSizeBytes = request.shmSize === undefined ? DEFAULT_SHM_BYTES : parseSize('--shm-size', request.shmSize);
  const standard = [
    ...defaultMounts({
      shmSizeBytes,
      ownNetwork: has('network'),
      ownPid: has('pid'),
      ownIpc: has('ipc'),
      ttyGroup: input.userNamespace.writer !== 'self',
      cgroups: cgroupsShown(input, has('cgroup')),
    }).map((mount) =>
      request.privileged && mount.destination === '/sys'
        ? { ...mount, options: mount.options.filter((option) => option !== 'ro') }
        : mount,
    ),
    ...Object.entries(input.etcFiles).map(([destination, source]) => bindFile(source, destination, [])),
    ...(input.initProgram === null ? [] : [bindFile(input.initProgram, INIT_TARGET, ['ro'])]),
  ];
  const replaced = new Set(asked.map((mount) => mount.destination));
  const depth = (mount: SpecMount): number => mount.destination.split('/').length;
  return [
    ...standard.filter((mount) => !replaced.has(mount.destination)),
    ...asked.toSorted((a, b) => depth(a) - depth(b)),
  ];
}

/** With the host's cgroup namespace it would show, and to root of the host's own give, what belongs to others. */
function cgroupsShown({ cgroup }: SpecInput, isPrivate: boolean): 'read-only' | 'writable' | null {
  if (cgroup === null || !isPrivate) return null;
  return cgroup.isDivided ? 'writable' : 'read-only';
}

function bindFile(source: string, destination: string, options: readonly string[]): SpecMount {
  return { destination, type: 'bind', source, options: ['bind', 'nosuid', 'nodev', 'create=file', ...options] };
}

function refuseTwice(mounts: readonly SpecMount[]): void {
  const seen = new Set<string>();
  for (const { destination } of mounts) {
    if (seen.has(destination))
      throw badValue('-v, --tmpfs or --mount', destination, 'each place in the container for one mount only');
    seen.add(destination);
  }
}

function maskedPaths(security: SecurityOptions): string[] {
  const cpus = existsSync('/sys/devices/system/cpu/cpu0/thermal_throttle')
    ? ['/sys/devices/system/cpu/cpu0/thermal_throttle']
    : [];
  return [...MASKED_PATHS, ...cpus].filter((path) => !isUnmasked(security, path)).concat(security.mask);
}

function isUnmasked(security: SecurityOptions, path: string): boolean {
  return security.unmask.some(
    (pattern) =>
      pattern === 'ALL' || pattern === path || (pattern.endsWith('/*') && path.startsWith(pattern.slice(0, -1))),
  );
}

/** Landlock would refuse mount(2) inside, so whoever asks for the right to mount does without it. */
function useLandlock(request: RunRequest, security: SecurityOptions, capabilities: SpecCapabilities): boolean {
  return !request.privileged && security.seccompName !== 'nesting' && !capabilities.bounding.includes('CAP_SYS_ADMIN');
}
