/** The one who writes what becomes of a container; in its monitor. */
import { addedBurden, ownControlGroup, readBurden, type Burden } from '../host/burden.ts';
import { identifyProcess, type ProcessIdentity } from '../host/process-identity.ts';
import { isHutchError } from '../errors/hutch-error.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import { newState, overwriteState, readState, writeState, type ContainerState } from '../state/container-state.ts';
import { noteLife } from './note-life.ts';
import type { Health } from '../state/health.ts';
import type { Store } from '../state/store.ts';

/** The highest number of a signal. Source: signal(7). */
const LAST_SIGNAL = 64;
const KILL = 9;

export class StateKeeper {
  state: ContainerState;
  private readonly store: Store;
  private readonly record: ContainerRecord;
  /** Of what counts against us, when this life began. */
  private burden: Burden | undefined;

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
    this.state = { ...this.state, init: identifyProcess(pid) ?? null, networkHelper: null };
  }

  network(pid: number): void {
    this.state = { ...this.state, networkHelper: identifyProcess(pid) ?? null };
  }

  running(): void {
    this.write({ status: 'running', startedAt: new Date().toISOString(), finishedAt: null });
    const group = ownControlGroup();
    noteLife(this.store, 'start', this.record, group === null ? {} : { controlGroup: group });
    this.burden = readBurden(group);
  }

  health(health: Health, hasTurned: boolean): void {
    this.write({ health });
    if (hasTurned) noteLife(this.store, 'health_status', this.record, { health: health.status });
  }

  stopping(): void {
    this.write({ isStopped: true });
  }

  /** A life has ended: the payload's, or the attempt to start one, which `reason` then explains. */
  ended(code: number, reason: string | null): void {
    const signal = code > 128 && code <= 128 + LAST_SIGNAL ? code - 128 : null;
    const added =
      code === 0 || this.burden === undefined ? {} : addedBurden(this.burden, readBurden(ownControlGroup()));
    this.state = {
      ...this.state,
      exitCode: code,
      signal,
      oomKilled: signal === KILL && 'memoryKills' in added,
      reason,
      finishedAt: new Date().toISOString(),
      init: null,
      networkHelper: null,
    };
    noteLife(this.store, 'die', this.record, {
      exitCode: String(code),
      ...(reason === null ? {} : { reason }),
      ...added,
    });
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
    this.write({ status, reason, monitor: null, init: null, networkHelper: null });
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
