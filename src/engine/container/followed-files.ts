/** A log in several files, read to its end and again when it has grown; on the host's side. */
import { fstatSync } from 'node:fs';
import { LogFileReader, openLogFiles, type LogFile } from './log-files.ts';

export interface LogPlace {
  /** Index among the files, oldest first. */
  readonly index: number;
  readonly offset: number;
}

export class FollowedFiles implements Disposable {
  private readonly path: string;
  private readonly take: (bytes: Uint8Array) => number;
  private current: LogFileReader | undefined;

  /** @param take returns how many of the bytes were whole entries; the others come again with what follows. */
  constructor(path: string, take: (bytes: Uint8Array) => number) {
    this.path = path;
    this.take = take;
  }

  /** Reads everything from the place that `choose` finds. */
  readAll(choose: (files: readonly LogFile[]) => LogPlace = () => ({ index: 0, offset: 0 })): void {
    const files = openLogFiles(this.path);
    const from = choose(files);
    for (const [index, file] of files.entries()) {
      if (index < from.index) new LogFileReader(file).close();
      else this.goOn(file, index === from.index ? from.offset : 0);
    }
  }

  /** Goes to the end: only what comes from now on will be read. */
  skip(): void {
    this.readAll((files) => {
      const last = files.at(-1);
      return { index: files.length - 1, offset: last === undefined ? 0 : fstatSync(last.fd).size };
    });
  }

  /** Reads what has come since, also over a rotation: a file that was renamed is not written to any more. */
  readMore(): void {
    const newer = openLogFiles(this.path, this.current?.file.inode);
    this.current?.read(this.take);
    for (const file of newer) this.goOn(file, 0);
  }

  [Symbol.dispose](): void {
    this.current?.close();
  }

  private goOn(file: LogFile, offset: number): void {
    this.current?.close();
    this.current = new LogFileReader(file, offset);
    this.current.read(this.take);
  }
}
