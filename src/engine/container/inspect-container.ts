/** `hutch inspect` of a container, in the words that docker uses; reads the host, in the CLI process. Takes no lock. */
import { constants } from 'node:os';
import { join } from 'node:path';
import { HUTCH_ANNOTATIONS, type RuntimeSpec, type SpecMount } from '../../oci/runtime-spec.ts';
import { containerDirectory } from '../../state/container-id.ts';
import { findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, type ContainerState } from '../../state/container-state.ts';
import type { Health, HealthCheck } from '../../state/health.ts';
import { readJsonFile } from '../../state/json-file.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { describeExposed } from './exposed-ports.ts';
import { describeHostConfig } from './inspect-host-config.ts';
import { networkSettings } from './network-settings.ts';
import { readSpec, volumesOf } from './read-spec.ts';

/** How Go writes a time that never was. */
const NEVER = '0001-01-01T00:00:00Z';

/** The container of a name or id. What hutch does not know is left out. CONTAINER_UNKNOWN, RECORD_CORRUPT. */
export async function inspectContainer(word: string, { size }: { readonly size: boolean }): Promise<object> {
  const store = locateStore();
  const record = findContainer(store, word);
  const state = currentState(store, record);
  const spec = readSpec(store, record.id);
  return {
    ...identityOf(store, record, state),
    ...(spec === undefined ? {} : partsOfSpec(store, record, spec)),
    ...(size ? await sizesOf(record) : {}),
    NetworkSettings: { ...networkSettings({ store, record, spec, state }), ...helperOf(state) },
  };
}

function identityOf(store: Store, record: ContainerRecord, state: ContainerState): object {
  const [path = '', ...args] = record.command;
  const directory = containerDirectory(store, record.id);
  return {
    Id: record.id,
    Created: record.createdAt,
    Path: path,
    Args: args,
    State: stateOf(state),
    Image: record.image.id,
    ImageName: record.image.reference,
    ResolvConfPath: join(directory, 'resolv.conf'),
    HostnamePath: join(directory, 'hostname'),
    HostsPath: join(directory, 'hosts'),
    LogPath: record.log.driver === 'none' ? '' : join(directory, 'log'),
    Name: record.name,
    RestartCount: state.restartCount,
    Driver: driverOf(directory),
    GraphDriver: { Name: driverOf(directory), Data: null },
    // Fences of other tools; and docker lists commands of `exec` that run.
    ...{ AppArmorProfile: '', ProcessLabel: '', MountLabel: '', ExecIDs: null },
    Platform: 'linux',
    PidFile: record.pidFile ?? '',
    OCIConfigPath: join(directory, 'config.json'),
  };
}

function stateOf(state: ContainerState): object {
  const { status } = state;
  return {
    Status: status,
    Running: ['running', 'paused', 'restarting'].includes(status),
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: false,
    Pid: state.init?.pid ?? 0,
    MonitorPid: state.monitor?.pid ?? 0,
    ExitCode: state.exitCode ?? 0,
    Error: state.reason ?? '',
    StartedAt: state.startedAt ?? NEVER,
    FinishedAt: state.finishedAt ?? NEVER,
    CgroupPath: state.cgroup?.path ?? '',
    ...(state.counters === null || state.counters === undefined ? {} : { Counters: state.counters }),
    ...(state.health === null || state.health === undefined ? {} : { Health: healthOf(state.health) }),
  };
}

function healthOf({ status, failingStreak, log }: Health): object {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({
      Start: start,
      End: end,
      ExitCode: exitCode,
      Output: output,
    })),
  };
}

interface StoredPlan {
  readonly prepare?: { readonly copies?: readonly unknown[] };
  readonly steps?: readonly { readonly kind: string; readonly what?: string }[];
}

/** The storage driver, as the plan shows it; empty while there is no plan. */
function driverOf(directory: string): string {
  const plan = readJsonFile(join(directory, 'plan.json')) as StoredPlan | undefined;
  if (plan === undefined) return '';
  if ((plan.prepare?.copies ?? []).length > 0) return 'vfs';
  const hasHelper = (plan.steps ?? []).some(({ kind, what }) => kind === 'wait_for' && what === 'rootfs');
  return hasHelper ? 'fuse-overlayfs' : 'overlay';
}

function partsOfSpec(store: Store, record: ContainerRecord, spec: RuntimeSpec): object {
  const volumes = volumesOf(store, spec);
  return {
    HostConfig: describeHostConfig(record, spec, volumes),
    Mounts: volumes.map(describeMount),
    Config: configOf(record, spec),
  };
}

function describeMount({ source, destination, options }: SpecMount): object {
  return {
    Type: 'bind',
    Source: source,
    Destination: destination,
    Mode: '',
    Options: options.filter((option) => !option.startsWith('create=')),
    RW: !options.includes('ro'),
    Propagation: 'rprivate',
  };
}

function configOf(record: ContainerRecord, spec: RuntimeSpec): object {
  const { user, env, cwd } = spec.process;
  return {
    Hostname: spec.hostname ?? '',
    Domainname: spec.domainname ?? '',
    ...zoneOf(spec),
    User: user.uid === 0 && user.gid === 0 ? '' : `${String(user.uid)}:${String(user.gid)}`,
    AttachStdin: record.attached?.includes('stdin') ?? false,
    AttachStdout: record.attached?.includes('stdout') ?? false,
    AttachStderr: record.attached?.includes('stderr') ?? false,
    ExposedPorts: describeExposed(record),
    Tty: record.terminal,
    OpenStdin: record.interactive,
    StdinOnce: record.stdinOnce,
    Env: env,
    Cmd: record.command,
    Image: record.image.reference,
    WorkingDir: cwd,
    Entrypoint: null,
    Labels: record.labels,
    Annotations: record.annotations ?? {},
    StopSignal: signalName(record.stopSignal),
    StopTimeout: record.stopTimeoutSeconds,
    ...(record.timeoutSeconds === null ? {} : { Timeout: record.timeoutSeconds }),
    ...(record.health === null || record.health === undefined ? {} : { Healthcheck: checkOf(record.health) }),
  };
}

/** As podman has it. */
function zoneOf({ annotations }: RuntimeSpec): object {
  const zone = annotations[HUTCH_ANNOTATIONS.timeZone];
  return zone === undefined ? {} : { Timezone: zone };
}

/** Durations in nanoseconds, as docker has them. */
function checkOf(check: HealthCheck): object {
  const ns = (ms: number): number => ms * 1_000_000;
  return {
    Test: ['CMD', ...check.command],
    Interval: ns(check.intervalMs),
    Timeout: ns(check.timeoutMs),
    StartPeriod: ns(check.startPeriodMs),
    StartInterval: ns(check.startIntervalMs),
    Retries: check.retries,
  };
}

/** `SIGTERM`; a real-time signal stays a number. */
function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? String(number);
}

/** Of the program that carries its network, if there is one: whether it does, and how often it had to be started again. */
function helperOf({ network, networkHelper }: ContainerState): object {
  if (network === null || network === undefined) return {};
  const { status, restarts, restartedAt, lostAt, reason } = network;
  return {
    Helper: {
      Status: status,
      Pid: networkHelper?.pid ?? 0,
      Restarts: restarts,
      RestartedAt: restartedAt ?? NEVER,
      LostAt: lostAt ?? NEVER,
      Error: reason ?? '',
    },
  };
}

async function sizesOf(record: ContainerRecord): Promise<object> {
  const { measureContainers } = await import('./measure-containers.ts');
  const size = (await measureContainers([record])).get(record.id);
  return { SizeRw: size?.ownBytes ?? 0, SizeRootFs: size?.allBytes ?? 0 };
}
