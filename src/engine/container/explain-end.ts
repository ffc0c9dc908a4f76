/** Why a container has ended, from what is on record of it; pure. */
import type { ContainerEvent } from '../../state/events.ts';
import type { ContainerState } from '../../state/container-state.ts';
import { humanMemory } from './human-memory.ts';
import { signalName } from './signal-name.ts';

export interface EndFacts {
  readonly state: Pick<ContainerState, 'exitCode' | 'signal' | 'reason' | 'isStopped' | 'oomKilled'>;
  /** Of this container, oldest first. */
  readonly events: readonly ContainerEvent[];
  /** The login session in which it ran, when that is no more. */
  readonly endedSession: string | null;
}

/** What programs do to themselves. */
const CRASHES: Readonly<Record<number, string>> = {
  4: 'it came upon an instruction that this processor does not have',
  6: 'it gave up by itself, by abort(3)',
  7: 'it used memory that is not there',
  8: 'it divided by zero, or calculated beyond all bounds',
  11: 'it used memory that does not belong to it',
  31: 'it made a system call that a filter forbids',
};

/** What shells and hutch say by an exit code. */
const CODES: Readonly<Record<number, string>> = {
  125: 'hutch could not run it',
  126: 'a command was there but could not be executed; it may be another one that its own command has called',
  127: 'a command was not found; it may be another one that its own command has called',
};

const KILL = 9;

/** The events of the last life: from its last start on. */
export function lastLife(events: readonly ContainerEvent[]): readonly ContainerEvent[] {
  const start = events.findLastIndex(({ action }) => action === 'start');
  return events.slice(Math.max(start, 0));
}

/** Sentences, the most telling first. */
export function explainEnd({ state, events, endedSession }: EndFacts): string[] {
  const life = lastLife(events);
  const session =
    endedSession === null
      ? []
      : [`the login session ${endedSession}, in which it ran, has ended; it may have been ended with it`];
  if (state.reason !== null) return [reasonText(state.reason), ...session];
  const found = burdens(life, state);
  // A kill for lack of memory in its own cgroup says it all.
  if (state.oomKilled && state.signal === KILL) return [...found, ...byCode(state, life), ...session];
  return [...byCode(state, life), ...session, ...found];
}

function reasonText(reason: string): string {
  if (reason === 'its monitor was killed')
    return 'its monitor was killed by SIGKILL: by the user, by systemd after the last logout of its user, or by the kernel for lack of memory; everything of a container ends with its monitor';
  if (reason === 'the host was booted since') return 'the host went down while it ran, and was booted again since';
  return reason;
}

function byCode({ exitCode, signal }: EndFacts['state'], life: readonly ContainerEvent[]): string[] {
  const asked = life.filter(({ action }) => action === 'stop' || action === 'kill');
  if (signal !== null) return bySignal(signal, asked);
  const own = `its command ended by itself with code ${String(exitCode)}${exitCode === 0 ? ', which means success' : ''}`;
  const meaning = CODES[exitCode ?? 0];
  return [
    asked.length === 0 ? own : `its command ended with code ${String(exitCode)} after it was asked to`,
    ...asked.map(askedText),
    ...(meaning === undefined ? [] : [`${String(exitCode)} often means: ${meaning}`]),
  ];
}

function askedText({ attributes, time }: ContainerEvent): string {
  const { signal, by } = attributes;
  return `${signalName(Number(signal))} was sent at ${time} by: ${by ?? 'unknown'}`;
}

/** Nothing survives the first SIGKILL; of others the last one counts. */
function bySignal(signal: number, asked: readonly ContainerEvent[]): string[] {
  const senders = asked.filter(({ attributes }) => attributes['signal'] === String(signal));
  const sender = signal === KILL ? senders[0] : senders.at(-1);
  const others = asked.filter((each) => each !== sender).map(askedText);
  if (sender !== undefined) return [askedText(sender), ...others];
  const crash = CRASHES[signal];
  const cause =
    crash === undefined
      ? `${signalName(signal)} came from a process in the container or from the host; hutch did not send it`
      : `its command crashed by ${signalName(signal)}: ${crash}`;
  return [cause, ...others];
}

/** What the end of the life has on record of limits: kills always count, the rest only where something went wrong. */
function burdens(life: readonly ContainerEvent[], { signal, exitCode }: EndFacts['state']): string[] {
  const die = life.findLast(({ action }) => action === 'die')?.attributes ?? {};
  const throttled = exitCode === 0 ? 0 : Math.round(Number(die['throttledMicroseconds'] ?? 0) / 1000);
  const refused = exitCode === 0 ? undefined : die['refusedForks'];
  return [
    ...(die['stoppedScope'] === undefined
      ? []
      : [
          `systemd was ending ${die['stoppedScope']}, its scope: by systemctl --user stop, after the last logout of its user, or as the host went down`,
        ]),
    ...(signal === KILL || die['memoryKills'] !== undefined ? memoryTexts(die) : []),
    ...(refused === undefined
      ? []
      : [
          `${refused} time(s) it could not start a process: it had as many as its limit of ${die['pidsLimit'] ?? '?'} (--pids-limit)`,
        ]),
    ...(throttled > 0 ? [`a limit on processor time held it up for ${String(throttled)} ms`] : []),
  ];
}

function memoryTexts({
  memoryKills,
  memoryLimit,
  memoryPeak,
  hostMemoryKills,
}: ContainerEvent['attributes']): string[] {
  if (memoryKills !== undefined && memoryLimit !== undefined) {
    const peak = memoryPeak === undefined ? '' : `, after it had taken ${humanMemory(Number(memoryPeak))}`;
    return [
      `the kernel killed ${memoryKills} process(es) of it for lack of memory: its limit is ${humanMemory(Number(memoryLimit))} (--memory)${peak}`,
    ];
  }
  if (memoryKills !== undefined)
    return [`the kernel killed ${memoryKills} process(es) of its control group for lack of memory while it ran`];
  return hostMemoryKills === undefined
    ? []
    : [`the kernel killed ${hostMemoryKills} process(es) of this host for lack of memory while it ran`];
}
