/** Errors about the state of a container that several use cases share; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { ContainerRecord } from '../../state/container-record.ts';

/** `verb` completes "it cannot be". */
export function isNotRunning({ name }: ContainerRecord, verb: string): HutchError {
  return new HutchError(`container "${name}" is not running, so it cannot be ${verb}`, {
    code: 'CONTAINER_STOPPED',
    hint: `start it first: hutch start ${name}`,
    context: { container: name },
  });
}

/** Whatever comes into it is held at once, and whoever waits for that waits for ever. */
export function isPaused({ name }: ContainerRecord): HutchError {
  return new HutchError(`container "${name}" is paused, so nothing can run in it`, {
    code: 'CONTAINER_STOPPED',
    hint: `let it go on first: hutch unpause ${name}`,
    context: { container: name },
  });
}

export function isSilent({ name }: ContainerRecord): HutchError {
  return new HutchError(`the monitor of container "${name}" does not answer`, {
    code: 'MONITOR_SILENT',
    hint: `try again, or end the container with hutch rm -f ${name}`,
    context: { container: name },
  });
}

/** It ran when it was looked up: what failed then, and why, is not what the user has to know. */
export function justEnded(name: string, cause: unknown): HutchError {
  return new HutchError(`container "${name}" has just ended`, {
    code: 'CONTAINER_STOPPED',
    hint: 'see `hutch ps -a` for its exit code',
    cause,
    context: { container: name },
  });
}
