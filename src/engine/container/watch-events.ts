/** `hutch events`: what happens to containers and networks, and what has happened; reads only. */
import { eventsPath, type ContainerEvent } from '../../state/events.ts';
import type { StoredEvent } from '../../state/network-events.ts';
import { locateStore, type Store } from '../../state/store.ts';
import { ChangeWatcher } from './change-watcher.ts';
import { FollowedFiles } from './followed-files.ts';

export interface EventOptions {
  /** From then on, milliseconds since 1970; null: from now on, or with `stream` off all that is on record. */
  readonly sinceMs: number | null;
  /** When to end; null: never. */
  readonly untilMs: number | null;
  /** False: what is on record, and no more. */
  readonly stream: boolean;
  readonly isWanted: (event: StoredEvent) => boolean;
}

const LINE_FEED = 10;

/** Hands events to `take`, oldest first, until `untilMs`; without it for ever, unless `stream` is false. */
export async function watchEvents(options: EventOptions, take: (event: StoredEvent) => void): Promise<void> {
  const { sinceMs, untilMs, stream } = options;
  const store = locateStore();
  using watcher = new ChangeWatcher(store.root);
  using files = followEvents(store, (event) => {
    if (isWithin(event, sinceMs, untilMs) && options.isWanted(event)) take(event);
  });
  if (sinceMs === null && untilMs === null && stream) files.skip();
  else files.readAll();
  while (stream && (untilMs === null || Date.now() <= untilMs)) {
    await watcher.next();
    files.readMore();
  }
}

/** All events of containers on record that `isWanted` takes, oldest first. */
export function pastEvents(store: Store, isWanted: (event: ContainerEvent) => boolean): ContainerEvent[] {
  const events: ContainerEvent[] = [];
  using files = followEvents(store, (event) => {
    if (event.type === 'container' && isWanted(event)) events.push(event);
  });
  files.readAll();
  return events;
}

function isWithin({ time }: StoredEvent, sinceMs: number | null, untilMs: number | null): boolean {
  const ms = Date.parse(time);
  return (sinceMs === null || ms >= sinceMs) && (untilMs === null || ms <= untilMs);
}

function followEvents(store: Store, take: (event: StoredEvent) => void): FollowedFiles {
  return new FollowedFiles(eventsPath(store), (bytes) => {
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    for (const line of Buffer.from(bytes.subarray(0, end)).toString('utf8').split('\n')) {
      const event = parseEvent(line);
      if (event !== undefined) take(event);
    }
    return end;
  });
}

/** Undefined for a line that a full disk has cut. */
function parseEvent(line: string): StoredEvent | undefined {
  try {
    return JSON.parse(line) as StoredEvent;
  } catch {
    return undefined;
  }
}

export type { StoredEvent };
