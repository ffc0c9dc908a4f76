/** `hutch logs`: what a container has written; reads only. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { logPath } from '../../monitor/container-monitor.ts';
import { logFile } from '../../monitor/log-writer.ts';
import { findContainer } from '../../state/container-record.ts';
import { currentState, isBusy } from '../../state/container-state.ts';
import { HutchError } from '../../errors/hutch-error.ts';
import { locateStore } from '../../state/store.ts';
import { isAbsent } from '../../state/json-file.ts';

export interface LogEntry {
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** Bytes as latin1, with the line feed where the line is whole. */
  readonly text: string;
}

export interface LogOptions {
  readonly follow: boolean;
  /** The last so many lines; null for all. */
  readonly tail: number | null;
}

const POLL_MS = 50;
const CHUNK_BYTES = 65_536;

/** Hands the log to `take`, oldest entry first; with `follow` until the container has ended. CONTAINER_UNKNOWN, CONTAINER_STOPPED without a log. */
export async function containerLogs(
  word: string,
  options: LogOptions,
  take: (entries: readonly LogEntry[]) => void,
): Promise<void> {
  const store = locateStore();
  const record = findContainer(store, word);
  if (record.log.driver === 'none') {
    throw new HutchError(`container "${record.name}" keeps no log: it was made with --log-driver none`, {
      code: 'USAGE_INVALID',
      hint: 'make it without that flag',
    });
  }
  const path = logPath(store, record.id);
  const reader = new LogReader(path);
  const old = [...rotated(path).flatMap(readWhole), ...reader.read()];
  take(options.tail === null ? old : lastLines(old, options.tail));
  if (!options.follow) return;
  for (let isLast = false; !isLast;) {
    isLast = !isBusy(currentState(store, record));
    const entries = reader.read();
    if (entries.length > 0) take(entries);
    if (!isLast) await sleep(POLL_MS);
  }
}

function rotated(path: string): string[] {
  const files: string[] = [];
  for (let index = 1; existsSync(logFile(path, index)); index += 1) files.unshift(logFile(path, index));
  return files;
}

function readWhole(path: string): LogEntry[] {
  return new LogReader(path).read();
}

/** A line may be in several entries; only the last of them ends it. */
function lastLines(entries: readonly LogEntry[], count: number): readonly LogEntry[] {
  let lines = 0;
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    if (entries[index]?.text.endsWith('\n') === true || index === entries.length - 1) lines += 1;
    if (lines > count) return entries.slice(index + 1);
  }
  return entries;
}

/** Reads what was added since the last time, also over a rotation. */
class LogReader {
  private readonly path: string;
  private fd: number | undefined;
  private offset = 0;
  private unread = '';

  constructor(path: string) {
    this.path = path;
  }

  read(): LogEntry[] {
    const entries = this.readOpen();
    if (this.fd === undefined || !this.isReplaced()) return entries;
    closeSync(this.fd);
    this.fd = undefined;
    this.offset = 0;
    return [...entries, ...this.readOpen()];
  }

  private readOpen(): LogEntry[] {
    this.fd ??= openIfThere(this.path);
    if (this.fd === undefined) return [];
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const parts = [this.unread];
    for (let count = 1; count > 0;) {
      count = readSync(this.fd, buffer, 0, buffer.length, this.offset);
      this.offset += count;
      parts.push(buffer.toString('latin1', 0, count));
    }
    const lines = parts.join('').split('\n');
    this.unread = lines.pop() ?? '';
    return lines.flatMap(parseEntry);
  }

  private isReplaced(): boolean {
    if (this.fd === undefined) return false;
    const now = openIfThere(this.path);
    if (now === undefined) return false;
    const isOther = fstatSync(now).ino !== fstatSync(this.fd).ino;
    closeSync(now);
    return isOther;
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function parseEntry(line: string): LogEntry[] {
  const match = /^(\S+) (stdout|stderr) ([FP]) ([^]*)$/u.exec(line);
  if (match === null) return [];
  const [, time = '', stream, tag, text = ''] = match;
  return [{ time, stream: stream as LogEntry['stream'], text: tag === 'F' ? `${text}\n` : text }];
}
