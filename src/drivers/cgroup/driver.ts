/** What a cgroup driver is: it gives a container a subtree of control groups of its own; on the host's side. */
import type { CgroupSetting } from '../../oci/cgroup-settings.ts';
import type { CgroupRecord } from '../../state/container-state.ts';

export const CGROUP_DRIVERS = ['systemd', 'cgroupfs', 'none'] as const;
export type CgroupDriverName = (typeof CGROUP_DRIVERS)[number];
/** Those that make something. */
export type CgroupMaker = Exclude<CgroupDriverName, 'none'>;

/** Which driver this host has for this process, and what it can limit. */
export interface CgroupVerdict {
  readonly name: CgroupDriverName;
  /** The controllers that are delegated, as far as it is known beforehand. */
  readonly controllers: readonly string[];
  /** With `none`: why it is no other; null when nobody has looked. */
  readonly reason: string | null;
}

export interface CgroupRequest {
  /** The name of the subtree, such as `hutch-0123456789ab`. */
  readonly name: string;
  /** The slice, or for `cgroupfs` the directory, in which it is made. */
  readonly parent: string;
  /** For people. */
  readonly description: string;
  /** Host pids of all that belongs to the container by now: its monitor first, then the programs of its launch chain. */
  readonly processes: readonly number[];
  readonly stopTimeoutSeconds: number;
  /** Of the container; those that count beside others are for the subtree as a whole. */
  readonly settings: readonly CgroupSetting[];
}

/**
 * The subtree has two cgroups: one for the monitor, the chain and helpers, which has no limits, and the payload's leaf. A process in between
 * would keep the kernel from giving controllers to the leaf. Source: cgroups(7), "no internal processes".
 */
export interface CgroupDriver {
  readonly name: CgroupMaker;
  /** Whatever takes its time and needs no container; called as early as possible. Never fails: make() does. */
  prepare(): Preparation;
  /** Moves a process that lives elsewhere into `place`, the payload's leaf or a cgroup below it. CGROUP_FAILED, EBUSY. */
  join(record: CgroupRecord, pid: number, place: string): Promise<void>;
  /** Changes what counts for the subtree as a whole. LIMIT_UNAVAILABLE, CGROUP_FAILED. */
  weigh(record: CgroupRecord, settings: readonly CgroupSetting[]): Promise<void>;
  /** This process, the last in the subtree, leaves it, where nobody else removes it. */
  leave(record: CgroupRecord): void;
  /** Ends what is in the subtree of a container whose monitor is dead, and removes it. */
  remove(record: CgroupRecord): Promise<void>;
}

export interface Preparation extends Disposable {
  /** Makes the subtree with the processes in it. CGROUP_FAILED. */
  make(request: CgroupRequest): Promise<CgroupRecord>;
}

/** The slice, or directory, where the user names none. */
export const DEFAULT_PARENT: Readonly<Record<CgroupMaker, string>> = { systemd: 'hutch.slice', cgroupfs: 'hutch' };
