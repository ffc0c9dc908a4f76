/** A container that runs, as those need it who do something in it: its process 1 and its spec; on the host's side, changes nothing. */
import { join } from 'node:path';
import { hasHostRoot } from '../../host/container-process.ts';
import { identifyProcess, isAlive } from '../../host/process-identity.ts';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import { containerDirectory, findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, isBusy, type CgroupRecord, type ContainerState } from '../../state/container-state.ts';
import { readJsonFile } from '../../state/json-file.ts';
import type { Store } from '../../state/store.ts';
import { isNotRunning } from './container-errors.ts';

export interface RunningContainer {
  readonly record: ContainerRecord;
  /** Host pid of its process 1. */
  readonly pid: number;
  /** Clock ticks since boot, see /proc/PID/stat. */
  readonly startTime: string;
  readonly spec: RuntimeSpec;
  /** Null: it has none of its own. */
  readonly cgroup: CgroupRecord | null;
  readonly isHeld: boolean;
}

/** A container that is just being made is waited for so long. */
const START_TIMEOUT_MS = 5000;
const LOOK_AGAIN_MS = 10;

/**
 * The running container of a name or id; one that is being made is waited for until its file system stands. CONTAINER_UNKNOWN,
 * CONTAINER_STOPPED.
 */
export async function findRunning(store: Store, word: string): Promise<RunningContainer> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const record = findContainer(store, word);
    const state = currentState(store, record);
    const running = lookAt(store, record, state);
    if (running !== undefined) return running;
    if (!isBusy(state) || performance.now() > deadline) throw isNotRunning(record, 'entered');
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

function lookAt(
  store: Store,
  record: ContainerRecord,
  { init, status, cgroup = null }: ContainerState,
): RunningContainer | undefined {
  if (init === null || !isAlive(init)) return undefined;
  const spec = readJsonFile(join(containerDirectory(store, record.id), 'config.json')) as RuntimeSpec | undefined;
  if (spec === undefined || isStarting(init.pid)) return undefined;
  return { record, pid: init.pid, startTime: init.startTime, spec, cgroup, isHeld: status === 'paused' };
}

/** A process that has just ended counts as starting: who looks again finds it gone. */
function isStarting(pid: number): boolean {
  try {
    return hasHostRoot(pid);
  } catch {
    return true;
  }
}

/** Whether process 1 of a container that ran is gone. */
export function hasEnded({ pid, startTime }: Pick<RunningContainer, 'pid' | 'startTime'>): boolean {
  return identifyProcess(pid)?.startTime !== startTime;
}
