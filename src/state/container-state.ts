/**
 * What became of a container, in `state.json` beside its record: written by its monitor alone, read by anybody without a lock
 * and checked against the living processes; on the host's side.
 */
import { join } from 'node:path';
import type { Endpoint } from '../oci/endpoint.ts';
import { bootId, isAlive, type ProcessIdentity } from '../host/process-identity.ts';
import { containerDirectory, type ContainerRecord } from './container-record.ts';
import type { Health } from './health.ts';
import { overwriteJsonFile, readJsonFile, writeJsonFile } from './json-file.ts';
import type { Store } from './store.ts';

/** `restarting`: between two lives; `removing`: somebody is at it. */
export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'removing';

/** Where a container's cgroup lies, for everybody who meters, pauses, changes or joins it. */
export interface CgroupRecord {
  readonly driver: 'systemd' | 'cgroupfs';
  /** The absolute directory of the payload's own leaf: its limits and its meters. */
  readonly path: string;
  /** The scope that systemd keeps for it; null without systemd. */
  readonly unit: string | null;
}

/** What the kernel counted in the cgroup of a life, by file and key, such as `memory.events` and `oom_kill`; numbers as the kernel has them. */
export type CgroupCounters = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** What is known of a network that a helper carries. */
export interface NetworkHealth {
  /** `down`: its helper has died and is being started again; `lost`: that has failed too often. */
  readonly status: 'up' | 'down' | 'lost';
  /** How often the helper was started again in this life. */
  readonly restarts: number;
  /** RFC 3339; null as long as it was not. */
  readonly restartedAt: string | null;
  /** RFC 3339: since when it is down or lost; null while it is up. */
  readonly lostAt: string | null;
  /** Why it was down last, or is lost; null when it never was. */
  readonly reason: string | null;
}

export interface ContainerState {
  readonly status: ContainerStatus;
  /** The process that supervises it; null when nobody does. */
  readonly monitor: ProcessIdentity | null;
  /** The container's PID 1 as the host sees it: whoever joins its namespaces starts here. */
  readonly init: ProcessIdentity | null;
  /** The helper that connects its network, if there is one. */
  readonly networkHelper: ProcessIdentity | null;
  /** Of its last life; null or nothing where no helper connects it. */
  readonly network?: NetworkHealth | null;
  /** Null until it has ended once. */
  readonly exitCode: number | null;
  /** The signal that ended it, as far as the exit code tells. */
  readonly signal: number | null;
  readonly oomKilled: boolean;
  /** RFC 3339; null until it has run. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly restartCount: number;
  /** True when somebody has stopped it: `unless-stopped` heeds that. */
  readonly isStopped: boolean;
  /** Why it ended or could not start, when its exit code does not say it. */
  readonly reason: string | null;
  /** Of its last life; null or nothing without a check. */
  readonly health?: Health | null;
  /** What it has on the networks of its user while it runs. */
  readonly endpoints?: readonly Endpoint[] | null;
  /** Null or nothing: it does not run, or runs without a cgroup of its own. */
  readonly cgroup?: CgroupRecord | null;
  /** The process that keeps the login session it was started from; null or nothing where there is none. */
  readonly sessionAnchor?: ProcessIdentity | null;
  /** What its last life has used, read before its cgroup went; null or nothing where it had none. */
  readonly counters?: CgroupCounters | null;
}

/** Exit code of a container that went down with its monitor. */
export const KILLED_EXIT_CODE = 137;

/** The state of a container that nobody has started. */
export function newState(monitor: ProcessIdentity | null): ContainerState {
  return {
    status: 'created',
    monitor,
    init: null,
    networkHelper: null,
    exitCode: null,
    signal: null,
    oomKilled: false,
    startedAt: null,
    finishedAt: null,
    restartCount: 0,
    isStopped: false,
    reason: null,
  };
}

/** Writes the state whole. Only what must survive a crash of the machine is synced: that a container has ended. */
export function writeState(store: Store, id: string, state: ContainerState, { durable = false } = {}): void {
  writeJsonFile(statePath(store, id), state, { durable });
}

/** As writeState() where the disk is full: over what was there. */
export function overwriteState(store: Store, id: string, state: ContainerState): void {
  overwriteJsonFile(statePath(store, id), state);
}

/** The state as it was written last; undefined when there is none (yet). */
export function readState(store: Store, id: string): ContainerState | undefined {
  return readJsonFile(statePath(store, id)) as ContainerState | undefined;
}

function statePath(store: Store, id: string): string {
  return join(containerDirectory(store, id), 'state.json');
}

/** What a container is now: its monitor either lives or it does not, whatever is on disk. Writes nothing. */
export function currentState(store: Store, { id }: Pick<ContainerRecord, 'id'>): ContainerState {
  return reconciled(readState(store, id) ?? newState(null));
}

/** True when a process looks after the container: it runs, or is about to, or is being removed. */
export function isBusy(state: ContainerState): boolean {
  return state.monitor !== null;
}

/** The state without a monitor that is gone: what it looked after has ended with it. */
export function reconciled(state: ContainerState): ContainerState {
  const { monitor, status } = state;
  if (monitor === null || isAlive(monitor)) return state;
  const rest = { ...state, monitor: null, init: null, networkHelper: null, cgroup: null, endpoints: null };
  if (status === 'exited' || (status === 'created' && state.startedAt === null)) return rest;
  return {
    ...rest,
    status: 'exited',
    exitCode: KILLED_EXIT_CODE,
    signal: 9,
    reason: monitor.bootId === bootId() ? 'its monitor was killed' : 'the host was booted since',
  };
}
