/** `hutch stats`: what containers use, at one moment and between two; reads the host, in the CLI process. Takes no lock. */
import { totalmem } from 'node:os';
import { cgroupProcesses, readCgroupUsage } from '../../host/cgroup-usage.ts';
import { processesBeside } from '../../host/container-process.ts';
import { isHutchError } from '../../errors/hutch-error.ts';
import { readQueues, type NetworkQueue } from '../../host/network-queues.ts';
import { readTraffic, type DeviceTraffic } from '../../host/network-traffic.ts';
import { isAlive } from '../../host/process-identity.ts';
import { readProcessUsage } from '../../host/process-usage.ts';
import type { Usage } from '../../host/usage.ts';
import { HUTCH_ANNOTATIONS, isPrivate, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import { INGRESS_DEVICE } from '../../plan/network-rate.ts';
import type { ContainerRecord } from '../../state/container-record.ts';
import type { ContainerState, ContainerStatus } from '../../state/container-state.ts';
import type { Store } from '../../state/store.ts';
import { readSpec } from './read-spec.ts';

/** One container at one moment. */
export interface ContainerStats {
  readonly id: string;
  readonly name: string;
  readonly status: ContainerStatus;
  /** Which start of the container it is about; null when it does not run. */
  readonly life: string | null;
  /** Null when it does not run. */
  readonly usage: Usage | null;
  /** Who has counted: the kernel for its cgroup, or we over its processes. */
  readonly countedBy: 'cgroup' | 'processes' | null;
  /** The same for block I/O: its controller may be missing where the others are there. */
  readonly ioCountedBy: 'cgroup' | 'processes' | null;
  /** What memory there is for it: its limit, else the host's. */
  readonly memoryCapacityBytes: number;
  /** Its own devices without lo; null when it has no network of its own, or does not run. */
  readonly network: readonly DeviceTraffic[] | null;
  /** What has waited for --network-rate; null without. */
  readonly queues: readonly NetworkQueue[] | null;
  /** Percent of one processor since the look before; null at the first. */
  readonly cpuPercent: number | null;
}

/** Takes the measure of a container. What has ended meanwhile counts as not running. */
export async function measureContainer(
  store: Store,
  { record, state }: { readonly record: ContainerRecord; readonly state: ContainerState },
): Promise<ContainerStats> {
  const { init } = state;
  const spec = init === null || !isAlive(init) ? undefined : readSpec(store, record.id);
  const measured = init === null || spec === undefined ? NOT_RUNNING : await measureProcess(init.pid, spec, state);
  return {
    id: record.id,
    name: record.name,
    status: state.status,
    life: measured.usage === null ? null : (state.startedAt ?? ''),
    cpuPercent: null,
    memoryCapacityBytes: Math.min(measured.usage?.memory.limitBytes ?? Infinity, totalmem()),
    ...measured,
  };
}

type Measured = Pick<ContainerStats, 'usage' | 'countedBy' | 'ioCountedBy' | 'network' | 'queues'>;

const NOT_RUNNING: Measured = { usage: null, countedBy: null, ioCountedBy: null, network: null, queues: null };

async function measureProcess(pid: number, spec: RuntimeSpec, { cgroup }: ContainerState): Promise<Measured> {
  return {
    ...(counted(cgroup?.path) ?? summed(membersOf(pid, spec))),
    network: isPrivate(spec, 'network') ? ownTraffic(pid) : null,
    queues: spec.annotations[HUTCH_ANNOTATIONS.networkRate] === undefined ? null : await queuesOf(pid),
  };
}

type Account = Pick<Measured, 'usage' | 'countedBy' | 'ioCountedBy'>;

/** By the kernel; what it does not count, as a controller is not delegated, is summed. Undefined without a cgroup. */
function counted(path: string | undefined): Account | undefined {
  const usage = path === undefined ? null : readCgroupUsage(path);
  if (path === undefined || usage === null) return undefined;
  if (isComplete(usage)) return { usage, countedBy: 'cgroup', ioCountedBy: 'cgroup' };
  const rest = readProcessUsage(cgroupProcesses(path));
  const ioCountedBy = usage.io !== null ? 'cgroup' : rest.io === null ? null : 'processes';
  return { usage: completed(usage, rest), countedBy: 'cgroup', ioCountedBy };
}

function isComplete({ memory, tasks, io }: Usage): boolean {
  return memory.currentBytes !== null && tasks.count !== null && io !== null;
}

function summed(pids: readonly number[]): Account {
  const usage = readProcessUsage(pids);
  return { usage, countedBy: 'processes', ioCountedBy: usage.io === null ? null : 'processes' };
}

function membersOf(pid: number, spec: RuntimeSpec): number[] {
  return [...processesBeside(pid, isPrivate(spec, 'pid') ? 'pid' : 'mnt')];
}

/** Pure: a usage with what it lacks taken from another one. */
export function completed(usage: Usage, other: Usage): Usage {
  const { memory, tasks, io } = usage;
  return {
    ...usage,
    memory: memory.currentBytes === null ? { ...other.memory, limitBytes: memory.limitBytes } : memory,
    tasks: tasks.count === null ? { ...tasks, count: other.tasks.count } : tasks,
    io: io ?? other.io,
  };
}

/** What goes through lo stays inside, and what comes in by the queue of --network-rate would count twice. */
function ownTraffic(pid: number): DeviceTraffic[] | null {
  return readTraffic(pid)?.filter(({ name }) => name !== 'lo' && name !== INGRESS_DEVICE) ?? null;
}

async function queuesOf(pid: number): Promise<NetworkQueue[] | null> {
  try {
    return (await readQueues(pid)).filter(({ kind }) => kind === 'tbf');
  } catch (error) {
    // It has just ended, or the tool has gone: all else is known without it.
    if (isHutchError(error, 'HOST_TOOL_FAILED') || isHutchError(error, 'HOST_TOOL_MISSING')) return null;
    throw error;
  }
}

/** Pure: `now` with the share of a processor since `before`, if that was the same life. */
export function sinceBefore(now: ContainerStats, before: ContainerStats | undefined): ContainerStats {
  const isSame = before?.life === now.life && before.countedBy === now.countedBy;
  const cpuPercent = isSame ? cpuShare(now.usage, before.usage) : null;
  return { ...now, cpuPercent };
}

function cpuShare(now: Usage | null, before: Usage | null): number | null {
  const [end, start] = [now?.cpu.usageMicroseconds ?? null, before?.cpu.usageMicroseconds ?? null];
  const passedMicroseconds = ((now?.takenAtMs ?? 0) - (before?.takenAtMs ?? 0)) * 1000;
  if (end === null || start === null || passedMicroseconds <= 0) return null;
  // A process whose end nobody waits for takes its time with it.
  return (Math.max(0, end - start) / passedMicroseconds) * 100;
}
