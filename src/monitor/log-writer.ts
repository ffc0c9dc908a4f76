/**
 * A container's log: plain files of lines `TIME stdout|stderr F|P TEXT`, as Kubernetes reads them; in the monitor. `P` marks text whose line
 * goes on in the next entry of that stream. Source: kubernetes/design-proposals, kubelet-cri-logging.md.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { errnoOf } from '../errors/hutch-error.ts';
import type { LogSettings } from '../state/container-record.ts';
import { isAbsent } from '../state/json-file.ts';

export type StreamName = 'stdout' | 'stderr';

/** Writes are synchronous: what a client has seen is in the log. A full disk costs entries, and the next one that fits says how many bytes. */
export class LogWriter {
  private readonly path: string;
  private readonly settings: LogSettings;
  private fd: number | undefined;
  private sizeBytes = 0;
  private lostBytes = 0;

  constructor(path: string, settings: LogSettings) {
    this.path = path;
    this.settings = settings;
  }

  write(stream: StreamName, bytes: Buffer): void {
    const entry = Buffer.from(this.lossNote() + entries(stream, bytes.toString('latin1')), 'latin1');
    if (this.append(entry)) this.lostBytes = 0;
    else this.lostBytes += bytes.length;
  }

  close(): void {
    if (this.lostBytes > 0 && this.append(Buffer.from(this.lossNote(), 'latin1'))) this.lostBytes = 0;
    this.shut();
  }

  private lossNote(): string {
    if (this.lostBytes === 0) return '';
    return entries('stderr', `hutch: ${String(this.lostBytes)} bytes of output are missing here: the disk was full\n`);
  }

  private shut(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private append(entry: Buffer): boolean {
    try {
      this.rotateFor(entry.length);
      const fd = (this.fd ??= this.open());
      for (let offset = 0; offset < entry.length;) offset += writeSync(fd, entry, offset);
      this.sizeBytes += entry.length;
      return true;
    } catch (error) {
      // A log that cannot be written is no reason to stop the container: it is noted as soon as there is room.
      if (errnoOf(error) === undefined) throw error;
      this.dropHalf();
      return false;
    }
  }

  private open(): number {
    const fd = openSync(this.path, 'a', 0o600);
    this.sizeBytes = fstatSync(fd).size;
    return fd;
  }

  private dropHalf(): void {
    try {
      if (this.fd !== undefined) ftruncateSync(this.fd, this.sizeBytes);
    } catch {
      // Then a cut line stays.
    }
  }

  private rotateFor(addedBytes: number): void {
    const { maxSizeBytes, maxFiles } = this.settings;
    if (maxSizeBytes === null) return;
    this.fd ??= this.open();
    if (this.sizeBytes === 0 || this.sizeBytes + addedBytes <= maxSizeBytes) return;
    this.shut();
    for (let index = maxFiles - 1; index > 0; index -= 1)
      renameIfThere(logFile(this.path, index - 1), logFile(this.path, index));
    // A new file, not the old one emptied: whoever follows the log sees it.
    if (maxFiles === 1) rmSync(this.path, { force: true });
    this.sizeBytes = 0;
  }
}

/** The file that was written to before so many others; 0 is the one that is written to now. */
export function logFile(path: string, index: number): string {
  return index === 0 ? path : `${path}.${String(index)}`;
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

/** One time for all that came at once: replacing line feeds in one go is what keeps pace with a payload that writes without end. */
function entries(stream: StreamName, text: string): string {
  const head = `${new Date().toISOString().slice(0, -1)}000000Z ${stream}`;
  const end = text.lastIndexOf('\n');
  const whole = end === -1 ? '' : `${head} F ${text.slice(0, end).replaceAll('\n', `\n${head} F `)}\n`;
  const rest = end === text.length - 1 ? '' : `${head} P ${text.slice(end + 1)}\n`;
  return whole + rest;
}
