/** The one who writes what becomes of a container; in its monitor. */
import { addedBurden, ownControlGroup, readBurden, type Burden } from '../host/burden.ts';
import type { Endpoint } from '../oci/endpoint.ts';
import { memoryKills } from '../drivers/cgroup/counters.ts';
import { identifyProcess, type ProcessIdentity } from '../host/process-identity.ts';
import { isHutchError } from '../errors/hutch-error.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import {
  newState,
  overwriteState,
  readState,
  writeState,
  type CgroupCounters,
  type CgroupRecord,
  type ContainerState,
  type NetworkHealth,
} from '../state/container-state.ts';
import type { NetworkChange } from './network-keeper.ts';
import { noteLife } from './note-life.ts';
import { noteEndpoint } from '../state/network-events.ts';
import type { Health } from '../state/health.ts';
import type { Store } from '../state/store.ts';

/** The highest number of a signal. Source: signal(7). */
const LAST_SIGNAL = 64;
const KILL = 9;

export interface CgroupFacts {
  readonly record: CgroupRecord | null;
  readonly failure: string | null;
  readonly sessionAnchor: ProcessIdentity | null;
}

export class StateKeeper {
  state: ContainerState;
  private readonly store: Store;
  private readonly record: ContainerRecord;
  /** Of what counts against us, when this life began. */
  private burden: Burden | undefined;
  private noCgroup: string | null = null;
  /** What events say that it has on networks. */
  private announced: readonly Endpoint[] = [];

  constructor(store: Store, record: ContainerRecord, monitor: ProcessIdentity) {
    this.store = store;
    this.record = record;
    const before = readState(store, record.id) ?? newState(null);
    this.state = { ...before, monitor, isStopped: false, reason: null, restartCount: 0 };
  }

  /** Whoever looks sees from now on that somebody is at it. */
  takeOver(): void {
    this.write({});
  }

  /** Init is there, and works on its plan: nobody needs to know before the payload runs. */
  begin(pid: number): void {
    this.state = {
      ...this.state,
      init: identifyProcess(pid) ?? null,
      networkHelper: null,
      network: null,
      endpoints: null,
    };
  }

  /** What it has on the networks of its user; before the payload runs nobody needs to know. */
  endpoints(endpoints: readonly Endpoint[]): void {
    const { status } = this.state;
    if (status !== 'running' && status !== 'paused') {
      this.state = { ...this.state, endpoints };
      return;
    }
    this.write({ endpoints });
    this.announce(endpoints);
  }

  /** An event for each endpoint that has come or gone; those that another hub has made again have done neither. */
  private announce(endpoints: readonly Endpoint[]): void {
    const without = (all: readonly Endpoint[], some: readonly Endpoint[]): readonly Endpoint[] =>
      all.filter((one) => !some.some(({ networkId }) => networkId === one.networkId));
    const container = this.record.id;
    for (const gone of without(this.announced, endpoints)) noteEndpoint(this.store, 'disconnect', gone, { container });
    for (const made of without(endpoints, this.announced)) noteEndpoint(this.store, 'connect', made, { container });
    this.announced = endpoints;
  }

  /** Before the payload runs nobody needs to know; afterwards nothing happens to the network without an event. */
  network(change: NetworkChange): void {
    const pid = 'pid' in change ? change.pid : undefined;
    const networkHelper = pid === undefined ? null : (identifyProcess(pid) ?? null);
    const network = changedNetwork(this.state.network ?? null, change, new Date().toISOString());
    if (change.to === 'connected') {
      this.state = { ...this.state, networkHelper, network };
      return;
    }
    this.write({ networkHelper, network });
    const { to, ...rest } = change;
    const known = Object.entries(rest).filter(([, value]) => value !== undefined);
    const words = known.map(([key, value]) => [key, String(value)]);
    noteLife(this.store, `network_${to}`, this.record, Object.fromEntries(words) as Record<string, string>);
  }

  /** It is in a cgroup of its own; or, with the reason, in none although it was to be. Only what systemd does not clear away must be on disk at once. */
  cgroup({ record: cgroup, failure, sessionAnchor }: CgroupFacts): void {
    this.state = { ...this.state, cgroup, sessionAnchor };
    this.noCgroup = failure;
    if (cgroup?.driver === 'cgroupfs') this.write({});
  }

  running(): void {
    this.write({ status: 'running', startedAt: new Date().toISOString(), finishedAt: null });
    this.announce(this.state.endpoints ?? []);
    const group = ownControlGroup();
    noteLife(this.store, 'start', this.record, {
      ...(group === null ? {} : { controlGroup: group }),
      ...(this.noCgroup === null ? {} : { withoutCgroup: this.noCgroup }),
    });
    this.burden = readBurden(group);
  }

  paused(isPaused: boolean): void {
    this.write({ status: isPaused ? 'paused' : 'running' });
    noteLife(this.store, isPaused ? 'pause' : 'unpause', this.record);
  }

  health(health: Health, hasTurned: boolean): void {
    this.write({ health });
    if (hasTurned) noteLife(this.store, 'health_status', this.record, { health: health.status });
  }

  stopping(): void {
    this.write({ isStopped: true });
  }

  /** A life has ended: the payload's, or the attempt to start one, which `reason` then explains. */
  ended(
    code: number,
    reason: string | null,
    counters: CgroupCounters | null,
    stoppedScope: string | null = null,
  ): void {
    const signal = code > 128 && code <= 128 + LAST_SIGNAL ? code - 128 : null;
    const added =
      code === 0 || this.burden === undefined ? {} : addedBurden(this.burden, readBurden(ownControlGroup()));
    const own = counters === null ? {} : ownBurden(counters);
    this.state = {
      ...this.state,
      exitCode: code,
      signal,
      oomKilled: counters === null ? signal === KILL && 'memoryKills' in added : memoryKills(counters) > 0,
      reason,
      cgroup: null,
      counters,
      finishedAt: new Date().toISOString(),
      init: null,
      networkHelper: null,
      endpoints: null,
    };
    noteLife(this.store, 'die', this.record, {
      exitCode: String(code),
      ...(reason === null ? {} : { reason }),
      ...added,
      ...own,
      ...(stoppedScope === null ? {} : { stoppedScope }),
    });
    this.announce([]);
  }

  restarting(): void {
    this.write({ status: 'restarting', restartCount: this.state.restartCount + 1 });
  }

  /** It has ended for good, and nobody looks after it from now on. */
  finished(): void {
    if (!this.record.removeAtExit) this.write({ status: 'exited', monitor: null }, { durable: true });
  }

  /** It could not be started, and is what it was before. */
  notStarted(reason: string): void {
    const status = this.state.startedAt === null ? 'created' : 'exited';
    this.write({ status, reason, monitor: null, init: null, networkHelper: null, cgroup: null, endpoints: null });
    this.announce([]);
  }

  private write(changes: Partial<ContainerState>, options = {}): void {
    this.state = { ...this.state, ...changes };
    try {
      writeState(this.store, this.record.id, this.state, options);
    } catch (error) {
      if (!isHutchError(error, 'STORAGE_FULL')) throw error;
      this.overwrite();
    }
  }

  /** On a full disk the container goes on; should even this fail, whoever looks goes by the living processes. */
  private overwrite(): void {
    try {
      overwriteState(this.store, this.record.id, this.state);
    } catch (error) {
      if (!isHutchError(error, 'STORAGE_FULL')) throw error;
    }
  }
}

/** What stands in an event of the end: counters of its own cgroup that say that a limit was met. */
function ownBurden(counters: CgroupCounters): Record<string, string> {
  const facts: Record<string, number | undefined> = {
    memoryKills: counters['memory.events']?.['oom_kill'],
    memoryLimit: counters['memory.max']?.['value'],
    memoryPeak: counters['memory.peak']?.['value'],
    throttledMicroseconds: counters['cpu.stat']?.['throttled_usec'],
    refusedForks: counters['pids.events']?.['max'],
    pidsLimit: counters['pids.max']?.['value'],
  };
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => value !== undefined && value > 0)
      .map(([key, value]) => [key, String(value)]),
  );
}

/** Pure: what is known of a network after a change at `time`. */
export function changedNetwork(before: NetworkHealth | null, change: NetworkChange, time: string): NetworkHealth {
  const { restarts = 0, restartedAt = null, lostAt = null } = before ?? {};
  switch (change.to) {
    case 'connected':
      return { status: 'up', restarts: 0, restartedAt: null, lostAt: null, reason: null };
    case 'down':
      return { status: 'down', restarts, restartedAt, lostAt: time, reason: change.reason };
    case 'up':
      return { status: 'up', restarts: restarts + 1, restartedAt: time, lostAt: null, reason: before?.reason ?? null };
    case 'lost':
      return { status: 'lost', restarts, restartedAt, lostAt: lostAt ?? time, reason: change.reason };
  }
}
