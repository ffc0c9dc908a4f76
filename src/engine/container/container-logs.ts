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
import { LogFileReader, openLogFiles, type LogFile } from './log-files.ts';
import { LogLines, type LineOptions, type TakeOutput } from './log-lines.ts';
import { findTail } from './log-tail.ts';

export interface LogOptions extends LineOptions {
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
  using log = new Log(logPath(store, record.id), new LogLines(options, take));
  // It hears of changes before the first look.
  using watcher = options.follow ? new ChangeWatcher(containerDirectory(store, record.id)) : undefined;
  log.readAll(options);
  if (watcher !== undefined) await follow(log, watcher, { store, record, untilMs: options.untilMs });
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
}

async function follow(log: Log, watcher: ChangeWatcher, { store, record, untilMs }: Following): Promise<void> {
  let endedAt: number | null = null;
  for (;;) {
    // Looked at before the log is: what was written before the end is shown.
    const end = lookForEnd(store, record);
    log.readMore();
    if (log.isOver || end === 'removed' || (untilMs !== null && Date.now() > untilMs)) return;
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

class Log implements Disposable {
  private readonly path: string;
  private readonly lines: LogLines;
  private current: LogFileReader | undefined;

  constructor(path: string, lines: LogLines) {
    this.path = path;
    this.lines = lines;
  }

  get isOver(): boolean {
    return this.lines.isOver;
  }

  readAll({ tail, untilMs }: Pick<LogOptions, 'tail' | 'untilMs'>): void {
    const files = openLogFiles(this.path);
    const from = tail === null ? { index: 0, offset: 0 } : findTail(files, tail, untilMs);
    for (const [index, file] of files.entries()) {
      if (index < from.index) new LogFileReader(file).close();
      else this.goOn(file, index === from.index ? from.offset : 0);
    }
  }

  /** What has come since, also over a rotation: a file that was renamed is not written to any more. */
  readMore(): void {
    const newer = openLogFiles(this.path, this.current?.file.inode);
    this.readOn();
    for (const file of newer) this.goOn(file, 0);
  }

  [Symbol.dispose](): void {
    this.current?.close();
  }

  private goOn(file: LogFile, offset: number): void {
    this.current?.close();
    this.current = new LogFileReader(file, offset);
    this.readOn();
  }

  private readOn(): void {
    this.current?.read((bytes) => (this.lines.isOver ? bytes.length : this.lines.push(bytes)));
  }
}
