/** The part `HostConfig` of `hutch inspect`: what was asked of the host, as far as the spec tells; pure. */
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES } from '../../linux/capabilities.ts';
import { containerEnd, type PublishedPort } from '../../oci/published-port.ts';
import { DEFAULT_DEVICES } from '../../oci/default-mounts.ts';
import { DEFAULT_PERIOD } from '../../oci/cgroup-settings.ts';
import type { SpecResources, SpecThrottle } from '../../oci/resources.ts';
import { HUTCH_ANNOTATIONS, isPrivate, type RuntimeSpec, type SpecMount } from '../../oci/runtime-spec.ts';
import type { ContainerRecord } from '../../state/container-record.ts';
import { INIT_TARGET } from './payload-arguments.ts';
import { networkOf } from './read-spec.ts';

/** Keys and values as docker has them. */
export function describeHostConfig(record: ContainerRecord, spec: RuntimeSpec, volumes: readonly SpecMount[]): object {
  const { linux, root } = spec;
  return {
    Binds: volumes.map(bindText),
    Annotations: record.annotations ?? {},
    NetworkMode: record.networks?.[0]?.network ?? networkOf(spec),
    AllowHostLoopback: spec.annotations[HUTCH_ANNOTATIONS.hostLoopback] === 'true',
    ...resolverOf(record),
    ...rateOf(spec),
    PortBindings: portBindings(record.ports ?? []),
    RestartPolicy: { Name: record.restart.name, MaximumRetryCount: record.restart.limit ?? 0 },
    AutoRemove: record.removeAtExit,
    LogConfig: logConfig(record),
    ...capabilitiesOf(spec),
    Privileged: isPrivileged(spec),
    ReadonlyRootfs: root.readonly,
    SecurityOpt: securityOptions(spec),
    PidMode: isPrivate(spec, 'pid') ? 'private' : 'host',
    IpcMode: isPrivate(spec, 'ipc') ? 'private' : 'host',
    UTSMode: isPrivate(spec, 'uts') ? 'private' : 'host',
    CgroupnsMode: isPrivate(spec, 'cgroup') ? 'private' : 'host',
    OomScoreAdj: spec.process.oomScoreAdj ?? 0,
    Init: spec.process.args[0] === INIT_TARGET,
    Ulimits: spec.process.rlimits.map(({ type, soft, hard }) => ({
      Name: type.replace(/^RLIMIT_/u, '').toLowerCase(),
      Soft: soft,
      Hard: hard,
    })),
    Sysctls: linux.sysctl,
    ...limitsOf(spec),
    Devices: devicesOf(spec),
    ShmSize: shmSizeOf(spec),
    Tmpfs: tmpfsOf(spec),
    MaskedPaths: linux.maskedPaths,
    ReadonlyPaths: linux.readonlyPaths,
    UidMap: linux.uidMappings,
    GidMap: linux.gidMappings,
  };
}

function resolverOf({ nameServers, resolver }: ContainerRecord): object {
  return {
    Dns: nameServers ?? resolver?.servers ?? [],
    DnsSearch: resolver?.search ?? [],
    DnsOptions: resolver?.options ?? [],
  };
}

/** Docker's form: the container's end, and a list of the host's. */
export function portBindings(ports: readonly PublishedPort[]): object {
  const groups = Map.groupBy(ports, containerEnd);
  return Object.fromEntries(
    [...groups].map(([end, group]) => [
      end,
      group.map(({ hostAddress, hostPort }) => ({ HostIp: hostAddress, HostPort: String(hostPort) })),
    ]),
  );
}

/** Bits per second and bytes; nothing where the network is not limited. */
function rateOf({ annotations }: RuntimeSpec): object {
  const rate = annotations[HUTCH_ANNOTATIONS.networkRate];
  const burst = annotations[HUTCH_ANNOTATIONS.networkBurst];
  return rate === undefined ? {} : { NetworkRate: Number(rate), NetworkBurst: Number(burst) };
}

function bindText({ source, destination, options }: SpecMount): string {
  return `${source}:${destination}${options.includes('ro') ? ':ro' : ''}`;
}

function logConfig({ log }: ContainerRecord): object {
  return {
    Type: log.driver,
    Config: {
      ...(log.maxSizeBytes === null ? {} : { 'max-size': String(log.maxSizeBytes) }),
      'max-file': String(log.maxFiles),
      ...log.details,
    },
  };
}

/** What differs from the capabilities that every container has. */
function capabilitiesOf({ process }: RuntimeSpec): object {
  const { bounding } = process.capabilities;
  return {
    CapAdd: bounding.filter((name) => !(DEFAULT_CAPABILITIES as readonly string[]).includes(name)),
    CapDrop: DEFAULT_CAPABILITIES.filter((name) => !bounding.includes(name)),
  };
}

/** Known by what it means: every capability, no filter, nothing masked. */
function isPrivileged({ process, linux }: RuntimeSpec): boolean {
  return (
    CAPABILITY_NAMES.every((name) => process.capabilities.bounding.includes(name)) &&
    linux.seccomp === null &&
    linux.maskedPaths.length === 0 &&
    linux.readonlyPaths.length === 0
  );
}

function securityOptions({ annotations, process }: RuntimeSpec): string[] {
  const profile = annotations[HUTCH_ANNOTATIONS.seccompProfile] ?? 'default';
  return [
    ...(profile === 'default' ? [] : [`seccomp=${profile}`]),
    ...(process.noNewPrivileges ? ['no-new-privileges'] : []),
  ];
}

/** Bytes; 0 when it is the host's own. */
function shmSizeOf({ mounts }: RuntimeSpec): number {
  const mount = mounts.find(({ destination }) => destination === '/dev/shm');
  const size = mount?.options.find((option) => option.startsWith('size='))?.slice('size='.length);
  return size === undefined ? 0 : Number(size);
}

/** Those of --tmpfs: the ones that every container has lie below /dev, /proc and /sys. */
function tmpfsOf({ mounts }: RuntimeSpec): Readonly<Record<string, string>> {
  return Object.fromEntries(
    mounts
      .filter(({ type, destination }) => type === 'tmpfs' && !/^\/(?:dev|proc|sys)(?:\/|$)/u.test(destination))
      .map(({ destination, options }) => [destination, options.join(',')]),
  );
}

/** 0 where nothing was asked for, as docker has it; what docker has no name for is in `CgroupConf`, as podman calls it. */
function limitsOf({ linux, annotations }: RuntimeSpec): object {
  const { memory = {}, cpu = {}, pids, blockIO = {}, unified = {} } = linux.resources ?? {};
  return {
    CgroupManager: annotations[HUTCH_ANNOTATIONS.cgroupDriver] ?? 'none',
    CgroupParent: /^([^:]+):/u.exec(linux.cgroupsPath ?? '')?.[1] ?? '',
    ...memoryOf(memory),
    ...processorsOf(cpu),
    PidsLimit: pids?.limit ?? 0,
    ...blockOf(blockIO),
    CgroupConf: unified,
  };
}

function memoryOf({ limit = 0, reservation = 0, swap = 0 }: NonNullable<SpecResources['memory']>): object {
  return { Memory: limit, MemoryReservation: reservation, MemorySwap: swap, OomKillDisable: false };
}

function processorsOf({ shares, quota = 0, period = 0, cpus, mems }: NonNullable<SpecResources['cpu']>): object {
  const share = quota > 0 ? quota / (period > 0 ? period : DEFAULT_PERIOD) : 0;
  return {
    CpuShares: shares ?? 0,
    NanoCpus: Math.round(share * 1e9),
    CpuQuota: quota,
    CpuPeriod: period,
    CpusetCpus: cpus ?? '',
    CpusetMems: mems ?? '',
  };
}

function blockOf(blockIO: NonNullable<SpecResources['blockIO']>): object {
  return {
    BlkioWeight: blockIO.weight ?? 0,
    BlkioDeviceReadBps: throttlesOf(blockIO.throttleReadBpsDevice),
    BlkioDeviceWriteBps: throttlesOf(blockIO.throttleWriteBpsDevice),
    BlkioDeviceReadIOps: throttlesOf(blockIO.throttleReadIOPSDevice),
    BlkioDeviceWriteIOps: throttlesOf(blockIO.throttleWriteIOPSDevice),
  };
}

/** The spec has numbers instead of paths. */
function throttlesOf(throttles: readonly SpecThrottle[] = []): object[] {
  return throttles
    .filter(({ rate }) => rate > 0)
    .map(({ major, minor, rate }) => ({ Path: `${String(major)}:${String(minor)}`, Rate: rate }));
}

/** Those of --device. */
function devicesOf({ linux }: RuntimeSpec): object[] {
  return linux.devices
    .filter(({ path }) => !DEFAULT_DEVICES.some((device) => device.path === path))
    .map(({ path, hostPath }) => ({ PathOnHost: hostPath, PathInContainer: path, CgroupPermissions: 'rwm' }));
}
