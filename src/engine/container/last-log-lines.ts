/** The last lines that a container has written; reads only. */
import { logPath } from '../../monitor/container-monitor.ts';
import type { ContainerRecord } from '../../state/container-record.ts';
import type { Store } from '../../state/store.ts';
import { FollowedFiles } from './followed-files.ts';
import { LogLines } from './log-lines.ts';
import { findTail } from './log-tail.ts';

/** Up to `count` lines of both streams, oldest first, without line ends. */
export function lastLogLines(store: Store, { id }: ContainerRecord, count: number): string[] {
  const parts: string[] = [];
  const lines = new LogLines({ timestamps: false, sinceMs: null, untilMs: null, together: true }, (_, bytes) => {
    parts.push(Buffer.from(bytes).toString('utf8'));
  });
  using files = new FollowedFiles(logPath(store, id), (bytes) => lines.push(bytes));
  files.readAll((opened) => findTail(opened, count, null));
  const text = parts.join('');
  // A terminal ends its lines with both characters.
  return text === ''
    ? []
    : text
        .replace(/\r?\n$/u, '')
        .split(/\r?\n/u)
        .slice(-count);
}
