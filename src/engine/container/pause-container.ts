/** `hutch pause` and `unpause`: only a freezer can hold a container, and containers have none yet; on the host's side, changes nothing. */
import { HutchError } from '../../errors/hutch-error.ts';
import { findContainer } from '../../state/container-record.ts';
import { currentState } from '../../state/container-state.ts';
import { locateStore } from '../../state/store.ts';
import { isNotRunning } from './container-errors.ts';

/** Says why it cannot be. `verb` completes "it cannot be". CONTAINER_UNKNOWN, CONTAINER_STOPPED, HOST_FEATURE_MISSING. */
export function pauseContainer(word: string, verb: 'paused' | 'unpaused'): never {
  const store = locateStore();
  const record = findContainer(store, word);
  if (currentState(store, record).status !== 'running') throw isNotRunning(record, verb);
  throw verb === 'paused' ? withoutFreezer(record.name) : isNotPaused(record.name);
}

function withoutFreezer(name: string): HutchError {
  return new HutchError(`container "${name}" cannot be paused: it has no cgroup of its own, and so no freezer`, {
    code: 'HOST_FEATURE_MISSING',
    hint: 'a freezer is part of a cgroup v2 subtree that is delegated to you (see `hutch doctor`), and this version puts no container into one; end it with `hutch stop` instead',
    context: { container: name },
  });
}

function isNotPaused(name: string): HutchError {
  return new HutchError(`container "${name}" is not paused`, {
    code: 'HOST_FEATURE_MISSING',
    hint: 'nothing has to be done: this version cannot pause containers, so none is',
    context: { container: name },
  });
}
