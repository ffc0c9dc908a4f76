/** What has happened to containers, one JSON object a line in `events.log` of the store; on the host's side. */
import { closeSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isAbsent } from './json-file.ts';
import type { ContainerRecord } from './container-record.ts';
import type { Store } from './store.ts';

export type ContainerAction =
  | 'create'
  | 'start'
  | 'die'
  | 'stop'
  | 'kill'
  | 'restart'
  | 'remove'
  | 'attach'
  | 'detach'
  | 'rename'
  | 'exec'
  | 'exec_died'
  | 'pause'
  | 'unpause'
  | 'oom'
  | 'update'
  | 'commit'
  | 'health_status'
  | 'network_down'
  | 'network_up'
  | 'network_lost';

export interface ContainerEvent {
  /** RFC 3339. */
  readonly time: string;
  readonly type: 'container';
  readonly action: ContainerAction;
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** The container's; left out where it has none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What more there is to say: `exitCode`, `signal`, `by` (the command of hutch that asked for it), `oldName` … */
  readonly attributes: Readonly<Record<string, string>>;
}

/** From this size on the log is put aside as `events.log.1`, in the place of the one before. */
const MAX_BYTES = 8 * 1024 * 1024;

export function eventsPath(store: Store): string {
  return join(store.root, 'events.log');
}

/**
 * Notes an event. Lines of several processes do not mix: each is one write(2) with O_APPEND. A full disk keeps nobody from doing what
 * the event is about.
 */
export function noteEvent(
  store: Store,
  action: ContainerAction,
  { id, name, image, labels }: Pick<ContainerRecord, 'id' | 'name' | 'image' | 'labels'>,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const event: ContainerEvent = {
    time: new Date().toISOString(),
    type: 'container',
    action,
    id,
    name,
    image: image.reference,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    attributes,
  };
  appendEvent(store, event);
}

/** Adds a line to the log; what cannot be written is lost. */
export function appendEvent(store: Store, event: object): void {
  try {
    putAsideWhenLarge(eventsPath(store));
    const fd = openSync(eventsPath(store), 'a', 0o600);
    try {
      writeSync(fd, `${JSON.stringify(event)}\n`);
    } finally {
      closeSync(fd);
    }
  } catch {
    // An event that cannot be noted is lost; the container is what matters.
  }
}

function putAsideWhenLarge(path: string): void {
  try {
    if (statSync(path).size > MAX_BYTES) renameSync(path, `${path}.1`);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
