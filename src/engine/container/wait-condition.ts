/** `hutch wait --condition`: a state of a container that is not its end; in the CLI process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { findContainer, readContainer } from '../../state/container-record.ts';
import { currentState, type ContainerState } from '../../state/container-state.ts';
import { locateStore } from '../../state/store.ts';
import { exitCodeOf } from './exit-code-of.ts';
import { badValue } from './parse-values.ts';

export interface Conditions {
  readonly words: readonly string[];
  readonly intervalMs: number;
}

/** Words of podman for a state of hutch's. */
const SAME: Readonly<Record<string, string>> = { stopped: 'exited', configured: 'created', initialized: 'created' };
const KNOWN: readonly string[] = ['created', 'running', 'paused', 'exited', 'healthy', 'unhealthy'];
const ENDED = 'exited';
const USUAL_MS = 250;
const UNITS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1000, m: 60_000 };
/** What podman prints for a state in which there is no exit code. */
const NO_CODE = -1;

/** Null when only the end is waited for, of which the monitor tells. USAGE_INVALID for a state that hutch does not have. */
export function parseConditions(flags: {
  readonly condition?: readonly string[] | undefined;
  readonly interval?: string | undefined;
}): Conditions | null {
  const intervalMs = flags.interval === undefined ? USUAL_MS : parseInterval(flags.interval);
  const words = (flags.condition ?? [ENDED]).flatMap((text) =>
    text.split(',').map((word) => parseCondition(text, word)),
  );
  return words.every((word) => word === ENDED) ? null : { words, intervalMs };
}

function parseCondition(text: string, word: string): string {
  const known = SAME[word] ?? word;
  if (KNOWN.includes(known)) return known;
  throw badValue('--condition', text, `one of ${KNOWN.join(', ')}`);
}

/** Milliseconds, as podman has it, unless there is a unit. */
function parseInterval(text: string): number {
  const [, count, unit = ''] = /^(\d{1,7})(ms|s|m)?$/u.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? 1);
  if (!(ms > 0)) throw badValue('--interval', text, 'a time such as 250ms or 1s');
  return ms;
}

/** Resolves when the container is in one of the states: its exit code when that is its end, else -1; 137 when it goes. CONTAINER_UNKNOWN. */
export async function waitForCondition(container: string, { words, intervalMs }: Conditions): Promise<number> {
  const store = locateStore();
  const record = findContainer(store, container);
  for (;;) {
    if (readContainer(store, record.id) === undefined) return exitCodeOf(store, record);
    const found = statesOf(currentState(store, record)).find((state) => words.includes(state));
    if (found !== undefined) return found === ENDED ? exitCodeOf(store, record) : NO_CODE;
    await sleep(intervalMs);
  }
}

function statesOf({ status, health }: ContainerState): readonly string[] {
  return status === 'running' && health !== null && health !== undefined ? [status, health.status] : [status];
}
