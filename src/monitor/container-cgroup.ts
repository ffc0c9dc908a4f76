/** The cgroup of one container through all its lives; in its monitor, which is in it as well. */
import { readFileSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { isHutchError, HutchError } from '../errors/hutch-error.ts';
import { applySettings } from '../drivers/cgroup/apply-settings.ts';
import { memoryKills, readCounters } from '../drivers/cgroup/counters.ts';
import type { Preparation } from '../drivers/cgroup/driver.ts';
import { isStopping } from '../drivers/cgroup/systemd/systemd-calls.ts';
import { cgroupDriver } from '../drivers/cgroup/select.ts';
import { giveAway } from '../drivers/cgroup/give-away.ts';
import { freeze, thaw } from '../drivers/cgroup/freezer.ts';
import { cgroupOfProcess, killTree, moveProcess, renewLeaf, writeIfThere } from '../drivers/cgroup/subtree.ts';
import type { ProcessIdentity } from '../host/process-identity.ts';
import type { Step } from '../plan/step.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import type { CgroupCounters, CgroupRecord } from '../state/container-state.ts';
import { anchorSession, type SessionAnchor } from './session-anchor.ts';

/** How long systemd lets the monitor write down the end of the payload, ANSWER_MS included; as long as installed units have. */
const MARGIN_SECONDS = 30;

/** How long the record of an end waits for what systemd says of it. */
const ANSWER_MS = 3000;

export interface CgroupEars {
  /** The kernel has killed processes of it for lack of memory. */
  onMemoryKills(count: number): void;
}

export class ContainerCgroup {
  /** Null before the first life is in it, and where it could not be had. */
  record: CgroupRecord | null = null;
  /** Why it could not be had although nobody has asked for limits. */
  failure: string | null = null;
  private readonly container: ContainerRecord;
  private readonly ears: CgroupEars;
  private preparation: Preparation | undefined;
  private watcher: FSWatcher | undefined;
  private anchor: SessionAnchor | null = null;
  private stopping: Promise<boolean> | undefined;

  constructor(container: ContainerRecord, ears: CgroupEars) {
    this.container = container;
    this.ears = ears;
  }

  /** Begins what takes its time, while init boots. */
  prepare(step: Step<'join_cgroup'>): void {
    if (this.record !== null || this.preparation !== undefined) return;
    this.preparation = cgroupDriver(step.driver).prepare();
    if (step.driver === 'systemd') this.anchor ??= anchorSession();
  }

  /**
   * Puts init into the payload's leaf, with the limits on it, and all else of the container beside it. LIMIT_UNAVAILABLE, CGROUP_FAILED; where
   * nobody has asked for limits the container runs without.
   */
  async enter(step: Step<'join_cgroup'>, init: number): Promise<void> {
    try {
      const record = await this.ready(step, init);
      applySettings(record.path, step.settings);
      if (step.owner !== undefined) giveAway(record.path, step.owner);
      moveProcess(record.path, init);
      requireIn(record.path, init);
      this.watchMemory(record.path);
    } catch (error) {
      if (step.required || !isHutchError(error, 'CGROUP_FAILED', 'LIMIT_UNAVAILABLE')) throw error;
      this.failure = error.message;
      this.record = null;
    }
  }

  /** What a start has failed of: where the kernel has killed for lack of memory meanwhile, that is the reason. */
  explain(error: unknown): unknown {
    const counters = this.record === null ? null : readCounters(this.record.path);
    if (memoryKills(counters) === 0) return error;
    const limit = counters?.['memory.max']?.['value'];
    const words = limit === undefined ? 'there is' : `its limit of ${String(limit)} bytes`;
    return new HutchError(`the container needs more memory to start than ${words}: the kernel has killed its init`, {
      code: 'CGROUP_FAILED',
      hint: 'give it more by --memory',
      cause: error,
    });
  }

  /** Holds all processes, or lets them go on. CGROUP_FAILED. */
  async hold(isHeld: boolean): Promise<void> {
    const path = this.record?.path;
    if (path === undefined)
      throw new HutchError('it has no cgroup of its own', { code: 'CGROUP_FAILED', hint: 'see `hutch doctor`' });
    if (isHeld) await freeze(path);
    else thaw(path);
  }

  /** Whatever is held goes on, to its end. */
  letGo(): void {
    if (this.record !== null) writeIfThere(join(this.record.path, 'cgroup.freeze'), '0');
  }

  /** The process that keeps its login session, if there is one. */
  get sessionAnchor(): ProcessIdentity | null {
    return this.anchor?.identity ?? null;
  }

  /** A life has ended: what it has used. Nothing of it is left in its leaf afterwards. */
  async endLife(): Promise<CgroupCounters | null> {
    this.watcher?.close();
    this.watcher = undefined;
    if (this.record === null) return null;
    await killTree(this.record.path);
    return readCounters(this.record.path);
  }

  /** This process was asked to end: perhaps by systemd, which asks everything in a scope. It is asked at once, since at a logout its bus ends as well. */
  hearTerm(): void {
    const unit = this.record?.unit ?? null;
    if (unit !== null) this.stopping = isStopping(unit);
  }

  /** The scope, when systemd is stopping it: for its user, at the end of a login, or as the host goes down. Null otherwise, and when it does not say. */
  async stoppedScope(): Promise<string | null> {
    if (this.stopping === undefined) return null;
    // The connection keeps this process alive until then.
    const silence = new Promise<boolean>((resolve) => setTimeout(resolve, ANSWER_MS, false).unref());
    return (await Promise.race([this.stopping, silence])) ? (this.record?.unit ?? null) : null;
  }

  /** This process is the last one in it. */
  leave(): void {
    this.anchor?.[Symbol.dispose]();
    this.preparation?.[Symbol.dispose]();
    if (this.record !== null) cgroupDriver(this.record.driver).leave(this.record);
  }

  private async ready(step: Step<'join_cgroup'>, init: number): Promise<CgroupRecord> {
    if (this.record !== null) {
      renewLeaf(this.record.path);
      return this.record;
    }
    this.prepare(step);
    const { name, parent, settings } = step;
    const record = await this.preparation?.make({
      name,
      parent,
      description: `hutch container ${this.container.name}`,
      processes: [process.pid, ...ancestors(init)],
      settings,
      stopTimeoutSeconds: Math.max(this.container.stopTimeoutSeconds, 0) + MARGIN_SECONDS,
    });
    this.preparation?.[Symbol.dispose]();
    this.preparation = undefined;
    if (record === undefined) throw new Error('a cgroup without anybody who makes it');
    return (this.record = record);
  }

  /** The kernel tells of each change by inotify(7). */
  private watchMemory(path: string): void {
    let seen = 0;
    const look = (): void => {
      const kills = memoryKills(readCounters(path));
      if (kills > seen) this.ears.onMemoryKills(kills - seen);
      seen = Math.max(seen, kills);
    };
    try {
      this.watcher = watch(join(path, 'memory.events'), { persistent: false }, look);
      this.watcher.on('error', () => undefined);
    } catch {
      // Without the memory controller there is nothing to see.
    }
  }
}

/** Init and the programs of the launch chain above it, up to this process, which is left out. */
function ancestors(init: number): number[] {
  const pids: number[] = [];
  for (let pid = init; pid > 1 && pid !== process.pid; pid = parentOf(pid)) pids.push(pid);
  return pids;
}

/** The fourth field of /proc/PID/stat; 0 when it is gone. */
function parentOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

function requireIn(path: string, pid: number): void {
  const own = cgroupOfProcess(pid);
  if (own === path || own === null) return;
  throw new HutchError(`init is in ${own} instead of ${path}`, {
    code: 'CGROUP_FAILED',
    hint: 'somebody moves processes on this host; see `systemd-cgls --user`',
  });
}

/** The step of a plan that makes its cgroup; undefined without one. */
export function cgroupStep({ steps }: { readonly steps: readonly Step[] }): Step<'join_cgroup'> | undefined {
  return steps.find((step): step is Step<'join_cgroup'> => step.kind === 'join_cgroup');
}
