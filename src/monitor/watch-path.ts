/** Hearing of each change of what a path leads to, by inotify(7), or by looking now and then where that cannot tell; in the monitor, on the host's side. */
import { existsSync, readlinkSync, statfsSync, statSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

const LOOK_MS = 5000;
/** Who writes a file does so in several steps. */
const SETTLE_MS = 100;
/** Source: path_resolution(7). */
const MOST_LINKS = 40;

/** Where others change files without this kernel's knowledge: NFS, FUSE, 9p, SMB of three kinds, Ceph, AFS. Source: statfs(2), linux/magic.h. */
const REMOTE = new Set([0x6969, 0x65735546, 0x01021997, 0x517b, 0xff534d42, 0xfe534d42, 0x00c36400, 0x5346414f]);

/** A directory, and the entry of it that the path leads by. */
interface Place {
  readonly directory: string;
  readonly name: string;
}

export class PathWatch implements Disposable {
  private readonly path: string;
  private readonly hear: () => void;
  private readonly lookMs: number;
  private watchers: FSWatcher[] = [];
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  /** Calls `hear` after each change: the file, the file that is renamed into its place, a link on the way to it, a directory that comes or goes. */
  constructor(path: string, hear: () => void, lookMs = LOOK_MS) {
    this.path = path;
    this.hear = hear;
    this.lookMs = lookMs;
    this.arm();
  }

  [Symbol.dispose](): void {
    this.isOver = true;
    this.disarm();
  }

  private disarm(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const watcher of this.watchers.splice(0)) watcher.close();
  }

  private arm(): void {
    this.disarm();
    try {
      const places = placesOf(this.path);
      if (places.some(({ directory }) => isRemote(directory))) throw new Error('on a network file system');
      for (const place of places) this.watchPlace(place);
      // One that is bound there from elsewhere has its directory there.
      if (existsSync(this.path)) this.watch(this.path, () => true);
    } catch {
      // A user has few instances of inotify, 128 by default.
      this.look();
    }
  }

  private watchPlace({ directory, name }: Place): void {
    this.watch(directory, (changed) => changed === null || changed === name || changed === basename(directory));
  }

  private watch(path: string, isMeant: (changed: string | null) => boolean): void {
    const watcher = watch(path, { persistent: false }, (_event, changed) => {
      if (isMeant(changed)) this.settle();
    });
    this.watchers.push(watcher);
    watcher.on('error', () => {
      this.settle();
    });
  }

  private settle(): void {
    if (this.isOver) return;
    this.timer ??= setTimeout(() => {
      this.arm();
      this.hear();
    }, SETTLE_MS).unref();
  }

  private look(): void {
    this.disarm();
    const before = stampOf(this.path);
    this.timer = setInterval(() => {
      if (stampOf(this.path) === before) return;
      this.arm();
      this.hear();
    }, this.lookMs).unref();
  }
}

/** Of the path, and of what each link on the way leads to; where a directory is missing, of the nearest one above it. */
function placesOf(path: string): Place[] {
  const places: Place[] = [];
  for (let at: string | undefined = path; at !== undefined && places.length < MOST_LINKS; at = targetOf(at))
    places.push(nearest(at));
  return places;
}

function targetOf(path: string): string | undefined {
  try {
    return resolve(dirname(path), readlinkSync(path));
  } catch {
    return undefined;
  }
}

function nearest(path: string): Place {
  const directory = dirname(path);
  return directory === path || existsSync(directory) ? { directory, name: basename(path) } : nearest(directory);
}

function isRemote(directory: string): boolean {
  return REMOTE.has(statfsSync(directory).type);
}

function stampOf(path: string): string {
  const seen = statSync(path, { throwIfNoEntry: false, bigint: true });
  return seen === undefined ? '' : `${String(seen.dev)}:${String(seen.ino)}:${String(seen.mtimeNs)}`;
}
