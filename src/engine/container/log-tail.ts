/** Where the last lines of a log begin; reads only. */
import type { LogPlace } from './followed-files.ts';
import { visitBackwards, type LogFile } from './log-files.ts';
import { compareTime, endsLine, isEntry, isStderr, stampOf } from './log-lines.ts';

/** The place in `files`, oldest first, from which on there are `lines` lines up to the moment `untilMs`. */
export function findTail(files: readonly LogFile[], lines: number, untilMs: number | null): LogPlace {
  const counter = new LineCounter(lines, untilMs);
  for (let index = files.length - 1; index >= 0; index -= 1) {
    const file = files[index];
    const offset = file === undefined ? 0 : visitBackwards(file, (bytes, at) => counter.count(bytes, at));
    if (counter.isFull) return { index, offset };
  }
  return { index: 0, offset: 0 };
}

/** Counts lines from the last one on. A line may be in several entries, and between them may be some of the other stream. */
class LineCounter {
  isFull = false;
  private rest: number;
  private readonly until: Uint8Array | null;
  private hasStdout = false;
  private hasStderr = false;

  constructor(lines: number, untilMs: number | null) {
    this.rest = lines;
    this.until = untilMs === null ? null : stampOf(untilMs);
  }

  /** False for the first entry that belongs to a line too many. */
  count(bytes: Uint8Array, at: number): boolean {
    if (!isEntry(bytes, at) || (this.until !== null && compareTime(bytes, at, this.until) > 0)) return true;
    if (this.isLastOfLine(bytes, at)) {
      this.isFull = this.rest === 0;
      this.rest -= 1;
    }
    return !this.isFull;
  }

  private isLastOfLine(bytes: Uint8Array, at: number): boolean {
    const isError = isStderr(bytes, at);
    const isKnown = isError ? this.hasStderr : this.hasStdout;
    if (isError) this.hasStderr = true;
    else this.hasStdout = true;
    return !isKnown || endsLine(bytes, at);
  }
}
