/** Records of containers on disk: what each one is. Written whole, at first and when it is renamed; read without a lock; on the host's side. */
import { join } from 'node:path';
import { HutchError } from '../errors/hutch-error.ts';
import type { ResolverSettings } from '../host/resolver.ts';
import type { PublishedPort } from '../oci/published-port.ts';
import { containerDirectory, isContainerId } from './container-id.ts';
import { nameOwner } from './container-names.ts';
import type { HealthCheck } from './health.ts';
import { listNames, readJsonFile, writeJsonFile } from './json-file.ts';
import type { NetworkAttachment } from './network-record.ts';
import type { Store } from './store.ts';

export interface RestartPolicy {
  readonly name: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** How often `on-failure` tries again; null for ever. */
  readonly limit: number | null;
}

export interface LogSettings {
  readonly driver: 'file' | 'none';
  /** Null: it grows without end. */
  readonly maxSizeBytes: number | null;
  /** How many files there are at most, the one that is written to among them. */
  readonly maxFiles: number;
  /** By the names of docker's options for it, what `logs --details` shows of the container. */
  readonly details?: Readonly<Partial<Record<'labels' | 'labels-regex' | 'env' | 'env-regex', string>>>;
}

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly image: {
    /** As the user wrote it. */
    readonly reference: string;
    /** Digest of the image's config; empty for the host's own root. */
    readonly id: string;
    /** Diff ids, bottom layer first. */
    readonly layers: readonly string[];
  };
  readonly command: readonly string[];
  /** RFC 3339. */
  readonly createdAt: string;
  readonly removeAtExit: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** It has a terminal. */
  readonly terminal: boolean;
  /** Its stdin is open. */
  readonly interactive: boolean;
  /** The streams that whoever made it wanted to be connected to: none with -d. */
  readonly attached?: readonly ('stdin' | 'stdout' | 'stderr')[];
  /** Its stdin ends with that of the first client. */
  readonly stdinOnce: boolean;
  readonly restart: RestartPolicy;
  /** Number of the signal that asks it to end. */
  readonly stopSignal: number;
  /** How long it has to end before it is killed. */
  readonly stopTimeoutSeconds: number;
  /** How long it may run; null without end. */
  readonly timeoutSeconds: number | null;
  readonly log: LogSettings;
  /** Absolute path of the user's file that gets the payload's pid at each start. */
  readonly pidFile?: string;
  /** Of --annotation; its spec has them, too. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Ports of the host that lead to it while it runs. */
  readonly ports?: readonly PublishedPort[];
  /** What it says that it serves: `80/tcp`, `8000-8009/udp`, as its image and --expose have it; published ports come on top. */
  readonly exposed?: readonly string[];
  /** The user networks it is on; left out where it has another kind of network. */
  readonly networks?: readonly NetworkAttachment[];
  /** Of --dns, asked by the name server of its networks instead of the host's. */
  readonly nameServers?: readonly string[];
  /** How its /etc/resolv.conf goes along with the host's; null or nothing: not at all. */
  readonly resolver?: ResolverSettings | null;
  /** Null or nothing: it is not checked. */
  readonly health?: HealthCheck | null;
}

export { containerDirectory };

/** Writes a container's record. */
export function writeContainer(store: Store, record: ContainerRecord): void {
  writeJsonFile(join(containerDirectory(store, record.id), 'container.json'), record, {
    durable: !record.removeAtExit,
  });
}

/** The record of an id, or undefined when there is none (yet). */
export function readContainer(store: Store, id: string): ContainerRecord | undefined {
  return readJsonFile(join(containerDirectory(store, id), 'container.json')) as ContainerRecord | undefined;
}

/** All containers' records, newest first. Directories without a record are left out. */
export function listContainers(store: Store): ContainerRecord[] {
  return listIds(store)
    .map((id) => readContainer(store, id))
    .filter((record) => record !== undefined)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
}

/** The ids of all container directories, with a record or without. */
export function listIds(store: Store): string[] {
  return listNames(store.containers).filter(isContainerId);
}

/** The container of a name, an id or a unique beginning of one. CONTAINER_UNKNOWN, or NAME_AMBIGUOUS; the word is never used as a path unchecked. */
export function findContainer(store: Store, word: string): ContainerRecord {
  const byName = nameOwner(store, word);
  if (byName !== undefined) {
    const record = readContainer(store, byName);
    if (record !== undefined) return record;
  }
  const ids = /^[0-9a-f]+$/u.test(word) ? listIds(store).filter((id) => id.startsWith(word)) : [];
  const record = ids.length === 1 ? readContainer(store, ids[0] ?? '') : undefined;
  if (record !== undefined) return record;
  if (ids.length > 1) throw isAmbiguous(word, ids.length);
  throw new HutchError(`there is no container "${word}"`, {
    code: 'CONTAINER_UNKNOWN',
    hint: 'see `hutch ps -a` for those that are there',
    context: { container: word },
  });
}

function isAmbiguous(word: string, count: number): HutchError {
  return new HutchError(`"${word}" begins the ids of ${String(count)} containers`, {
    code: 'NAME_AMBIGUOUS',
    hint: 'give more digits of the id',
    context: { container: word },
  });
}
