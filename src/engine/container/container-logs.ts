/** `hutch logs`: what a container has written; reads only. */
import { HutchError } from '../../errors/hutch-error.ts';
import { logPath } from '../../monitor/container-monitor.ts';
import {
  containerDirectory,
  findContainer,
  readContainer,
  type ContainerRecord,
} from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { ChangeWatcher } from './change-watcher.ts';
import { FollowedFiles } from './followed-files.ts';
import { detailText } from './log-details.ts';
import { LogLines, type LineOptions, type TakeOutput } from './log-lines.ts';
import { findTail } from './log-tail.ts';
import { readSpec } from './read-spec.ts';

export interface LogOptions extends Omit<LineOptions, 'details'> {
  /** Before each line, what --log-opt names of the container's labels and environment. */
  readonly details: boolean;
  readonly follow: boolean;
  /** The last so many lines; null for all. */
  readonly tail: number | null;
}

/** `hutch restart` stops a container before it starts it: so long may that take. */
const RESTART_MS = 1000;

/**
 * Hands the log to `take`, oldest entry first; with `follow` until the container has ended or is removed. CONTAINER_UNKNOWN; USAGE_INVALID
 * for a container that keeps no log.
 */
export async function containerLogs(word: string, options: LogOptions, take: TakeOutput): Promise<void> {
  const store = locateStore();
  const record = findContainer(store, word);
  requireLog(record);
  const { details, ...how } = options;
  const lines = new LogLines(details ? { ...how, details: detailsOf(store, record) } : how, take);
  using files = new FollowedFiles(logPath(store, record.id), (bytes) => lines.push(bytes));
  // It hears of changes before the first look.
  using watcher = options.follow ? new ChangeWatcher(containerDirectory(store, record.id)) : undefined;
  const { tail, untilMs } = options;
  files.readAll(tail === null ? undefined : (opened) => findTail(opened, tail, untilMs));
  if (watcher !== undefined) await follow({ store, record, untilMs, lines, files, watcher });
}

function detailsOf(store: Store, { id, labels, log }: ContainerRecord): Uint8Array {
  const env = readSpec(store, id)?.process.env ?? [];
  return Buffer.from(detailText(log.details ?? {}, { labels, env }));
}

function requireLog(record: ContainerRecord): void {
  if (record.log.driver !== 'none') return;
  throw new HutchError(`container "${record.name}" keeps no log: it was made with --log-driver none`, {
    code: 'USAGE_INVALID',
    hint: 'make it without that flag',
  });
}

interface Following {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly untilMs: number | null;
  readonly lines: LogLines;
  readonly files: FollowedFiles;
  readonly watcher: ChangeWatcher;
}

async function follow({ store, record, untilMs, lines, files, watcher }: Following): Promise<void> {
  let endedAt: number | null = null;
  for (;;) {
    // Looked at before the log is: what was written before the end is shown.
    const end = lookForEnd(store, record);
    files.readMore();
    if (lines.isOver || end === 'removed' || (untilMs !== null && Date.now() > untilMs)) return;
    if (end === null) endedAt = null;
    else if (end === 'ended' || Date.now() - (endedAt ??= Date.now()) > RESTART_MS) return;
    await watcher.next();
  }
}

/** Null as long as more may come. What was stopped by somebody may be started again at once. */
function lookForEnd(store: Store, record: ContainerRecord): 'removed' | 'ended' | 'stopped' | null {
  const state = currentState(store, record);
  if (isBusy(state)) return null;
  if (readContainer(store, record.id) === undefined) return 'removed';
  return state.isStopped ? 'stopped' : 'ended';
}
