/** `hutch why`: what became of a container, and why; reads only. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isHutchError } from '../../errors/hutch-error.ts';
import { findContainer, type ContainerRecord } from '../../state/container-record.ts';
import { currentState, newState, type CgroupCounters, type ContainerState } from '../../state/container-state.ts';
import type { ContainerEvent } from '../../state/events.ts';
import type { Health } from '../../state/health.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { readSession } from '../../host/session.ts';
import { lifeLimit } from './life-limits.ts';
import { explainEnd, lastLife } from './explain-end.ts';
import { explainNetwork } from './explain-network.ts';
import { explainUsage } from './explain-usage.ts';
import { lastLogLines } from './last-log-lines.ts';
import { pastEvents } from './watch-events.ts';

export interface Life {
  /** RFC 3339; null when its beginning is no longer on record. */
  readonly startedAt: string | null;
  /** Null while it runs, or when nobody was there to note its end. */
  readonly finishedAt: string | null;
  readonly exitCode: number | null;
}

export interface WhyReport {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly status: ContainerState['status'] | 'removed';
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly oomKilled: boolean;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Sentences, the most telling first. */
  readonly causes: readonly string[];
  /** What its last life has used, in sentences; empty without a cgroup. */
  readonly used: readonly string[];
  /** The same as the kernel counted it, by file and key; null without a cgroup. */
  readonly counters: CgroupCounters | null;
  /** What it needs as long as it runs. */
  readonly dependsOn: readonly string[];
  /** Null for a container that was removed. */
  readonly restart: { readonly policy: string; readonly limit: number | null; readonly count: number } | null;
  /** The last lives, oldest first. */
  readonly lives: readonly Life[];
  /** What befell the program that carries its network, in sentences; empty where nothing did. */
  readonly network: readonly string[];
  /** Null without a check. */
  readonly health: Health | null;
  readonly lastLines: readonly string[];
}

const MAX_LIVES = 5;
const MAX_LINES = 10;

/** CONTAINER_UNKNOWN for a name or id that is neither a container's nor that of a removed one in the events. */
export function whyContainer(word: string): WhyReport {
  const store = locateStore();
  try {
    return whyRecord(store, findContainer(store, word));
  } catch (error) {
    if (!isHutchError(error, 'CONTAINER_UNKNOWN')) throw error;
    const report = whyRemoved(store, word);
    if (report === undefined) throw error;
    return report;
  }
}

function whyRecord(store: Store, record: ContainerRecord): WhyReport {
  const state = currentState(store, record);
  const events = pastEvents(store, ({ id }) => id === record.id);
  const { name, limit } = record.restart;
  return {
    ...subject(record, record.image.reference),
    ...outcome(state),
    command: record.command,
    status: state.status,
    causes: causesOf(state, events),
    used: explainUsage(state.counters),
    counters: state.counters ?? null,
    dependsOn: dependenciesOf(store, state),
    restart: { policy: name, limit, count: state.restartCount },
    lives: livesOf(events),
    network: explainNetwork(state.network ?? null),
    health: state.health ?? null,
    lastLines: record.log.driver === 'none' ? [] : lastLogLines(store, record, MAX_LINES),
  };
}

/** Of one with --rm only its events are left. */
function whyRemoved(store: Store, word: string): WhyReport | undefined {
  const isPrefix = /^[0-9a-f]{6,}$/u.test(word);
  const named = pastEvents(store, ({ id, name }) => name === word || (isPrefix && id.startsWith(word)));
  const last = named.at(-1);
  if (last === undefined) return undefined;
  const events = pastEvents(store, ({ id }) => id === last.id);
  const state = stateFrom(events);
  return {
    ...subject(last, last.image),
    ...outcome(state),
    command: [],
    status: 'removed',
    causes: state.startedAt === null ? notStarted(last.attributes['reason']) : causesOf(state, events),
    used: [],
    counters: null,
    dependsOn: [],
    restart: null,
    lives: livesOf(events),
    network: [],
    health: null,
    lastLines: [],
  };
}

function subject({ id, name }: { readonly id: string; readonly name: string }, image: string) {
  return { id, name, image };
}

function outcome({ exitCode, signal, oomKilled, startedAt, finishedAt }: ContainerState) {
  return { exitCode, signal, oomKilled, startedAt, finishedAt };
}

function stateFrom(events: readonly ContainerEvent[]): ContainerState {
  const life = livesOf(events).at(-1);
  const code = life?.exitCode ?? null;
  const isKilled = life !== undefined && code === null;
  return {
    ...newState(null),
    status: 'exited',
    exitCode: code,
    signal: code !== null && code > 128 ? code - 128 : null,
    startedAt: life?.startedAt ?? null,
    finishedAt: life?.finishedAt ?? null,
    reason: isKilled ? 'its monitor was killed' : null,
  };
}

function causesOf(state: ContainerState, events: readonly ContainerEvent[]): string[] {
  if (state.status === 'created')
    return state.reason === null ? ['nobody has started it yet'] : notStarted(state.reason);
  if (state.status !== 'exited') return [];
  return explainEnd({ state, events, endedSession: endedSession(lastLife(events)) });
}

function notStarted(reason: string | undefined): string[] {
  return reason === undefined ? [] : [`it could not be started: ${reason}`];
}

/** Processes that take it along when they end, and what ends those. */
function dependenciesOf(store: Store, { monitor, networkHelper, sessionAnchor }: ContainerState): string[] {
  if (monitor === null) return [];
  const limit = lifeLimit(readSession('/', process.getuid?.() ?? 0, sessionAnchor?.pid ?? monitor.pid), store.run);
  const network = networkHelper === null ? [] : [`process ${String(networkHelper.pid)}, which connects its network`];
  return [`its monitor, process ${String(monitor.pid)}`, ...network, ...(limit === null ? [] : [limit])];
}

/** systemd-logind names the control group of a login session after it. Source: systemd-logind(8). */
function endedSession(life: readonly ContainerEvent[]): string | null {
  const group = life[0]?.attributes['controlGroup'] ?? '';
  const match = /^(.*\/session-([^/]+)\.scope)/u.exec(group);
  const [, path, session] = match ?? [];
  if (path === undefined || session === undefined) return null;
  return existsSync(join('/sys/fs/cgroup', path)) ? null : session;
}

function livesOf(events: readonly ContainerEvent[]): Life[] {
  const lives: Life[] = [];
  for (const { action, time, attributes } of events) {
    if (action === 'start') lives.push({ startedAt: time, finishedAt: null, exitCode: null });
    if (action !== 'die') continue;
    const open = lives.at(-1)?.finishedAt === null ? lives.pop() : undefined;
    lives.push({ startedAt: open?.startedAt ?? null, finishedAt: time, exitCode: Number(attributes['exitCode']) });
  }
  return lives.slice(-MAX_LIVES);
}
