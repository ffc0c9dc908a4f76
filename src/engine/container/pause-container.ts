/** `hutch pause` and `unpause`: a container's monitor holds all its processes by the freezer of its cgroup; in the CLI process. */
import { HutchError } from '../../errors/hutch-error.ts';
import { findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, type ContainerState } from '../../state/container-state.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { isNotRunning, isSilent } from './container-errors.ts';
import { orSilent, reachMonitor } from './reach-monitor.ts';

/** What the monitor may take: a process that waits for a disk is held late. */
const PATIENCE_MS = 15_000;

type Verb = 'paused' | 'unpaused';

/** Resolves when every process of it stands still, or goes on. CONTAINER_UNKNOWN, CONTAINER_STOPPED, HOST_FEATURE_MISSING, CGROUP_FAILED. */
export async function pauseContainer(word: string, verb: Verb): Promise<void> {
  const store = locateStore();
  const record = findContainer(store, word);
  requireStatus(record, currentState(store, record), verb);
  await ask(store, record, verb);
}

function requireStatus(record: ContainerRecord, { status, cgroup }: ContainerState, verb: Verb): void {
  const wanted = verb === 'paused' ? 'running' : 'paused';
  if (status !== 'running' && status !== 'paused') throw isNotRunning(record, verb);
  if (status !== wanted) throw isAlready(record.name, verb);
  if (cgroup === undefined || cgroup === null) throw withoutFreezer(record.name);
}

async function ask(store: Store, record: ContainerRecord, verb: Verb): Promise<void> {
  const control = await reachMonitor(store, record);
  if (control === undefined) throw isNotRunning(record, verb);
  using _control = control;
  const request = verb === 'paused' ? 'pause' : 'unpause';
  const answer = await orSilent(record, control.ask({ request }), PATIENCE_MS);
  if (answer?.event === 'done') return;
  if (answer?.event !== 'refused') throw isSilent(record);
  throw new HutchError(`container "${record.name}" could not be ${verb}: ${answer.reason}`, {
    code: 'CGROUP_FAILED',
    hint: 'see `hutch why` for what it is doing, and try again',
    context: { container: record.name },
  });
}

function withoutFreezer(name: string): HutchError {
  return new HutchError(`container "${name}" cannot be paused: it has no cgroup of its own, and so no freezer`, {
    code: 'HOST_FEATURE_MISSING',
    hint: 'a freezer is part of a cgroup v2 subtree that is delegated to you: see what `hutch doctor` says about it, start the container anew, or end it with `hutch stop`',
    context: { container: name },
  });
}

function isAlready(name: string, verb: Verb): HutchError {
  const text = verb === 'paused' ? `container "${name}" is paused already` : `container "${name}" is not paused`;
  return new HutchError(text, {
    code: 'USAGE_INVALID',
    hint: verb === 'paused' ? `let it go on by hutch unpause ${name}` : 'nothing has to be done',
    context: { container: name },
  });
}
