/** What the driver probes found, in a file of the run directory that is void when the host has changed; on the host's side. */
import { lstatSync, statfsSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { ensurePrivateDirectory } from '../../host/directories.ts';
import { bootId } from '../../host/process-identity.ts';
import { findTool } from '../../host/run-tool.ts';
import { readJsonFile, writeJsonFile } from '../../state/json-file.ts';

export interface RememberedProbe {
  readonly ok: boolean;
  readonly reason: string;
}

type Remembered = Readonly<Record<string, RememberedProbe>>;

interface ProbeFile {
  readonly key: string;
  readonly drivers: Remembered;
}

interface Places {
  readonly root: string;
  readonly run: string;
}

/** The remembered probes by driver; empty when there are none, or something that they depend on is not as it was. */
export function readProbeCache(places: Places): Remembered {
  const file = readProbeFile(places.run);
  return file?.key === cacheKey(places.root) ? file.drivers : {};
}

/** What a probe could not do is the store's own fault: another store on the same file system may do. */
const OF_THE_STORE = /^(?:reach the directory|write to the store): /u;

/** Adds one result, unless it tells of this store alone. A run directory that cannot be written only costs the next start its time, so that is no error. */
export function writeProbeCache(places: Places, driver: string, probe: RememberedProbe): void {
  if (OF_THE_STORE.test(probe.reason)) return;
  const drivers = { ...readProbeCache(places), [driver]: probe };
  const isWorthKeeping = Object.values(drivers).some((known) => known.ok);
  try {
    ensurePrivateDirectory(places.run);
    const kept = isWorthKeeping ? drivers : {};
    writeJsonFile(fileIn(places.run), { key: cacheKey(places.root), drivers: kept } satisfies ProbeFile, {
      durable: false,
    });
  } catch {
    return;
  }
}

function fileIn(run: string): string {
  return join(run, 'probes.json');
}

function readProbeFile(run: string): ProbeFile | undefined {
  try {
    // A run directory in /tmp may be somebody else's trap.
    if (lstatSync(run).uid !== process.getuid?.()) return undefined;
    const value = readJsonFile(fileIn(run));
    return isProbeFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isProbeFile(value: unknown): value is ProbeFile {
  return typeof value === 'object' && value !== null && 'key' in value && 'drivers' in value;
}

/**
 * Everything that a probe's answer depends on: this boot, the kernel, the file system of the store, the programs that
 * take part, and the grants of ids.
 */
function cacheKey(root: string): string {
  const tools = ['unshare', 'setpriv', 'mount', 'newuidmap', 'newgidmap', 'fuse-overlayfs'].map((name) =>
    identityOf(findTool(name)),
  );
  const grants = ['/etc/subuid', '/etc/subgid', '/dev/fuse'].map(identityOf);
  return JSON.stringify([bootId(), release(), fileSystemOf(root), process.getuid?.(), ...tools, ...grants]);
}

function fileSystemOf(path: string): string {
  try {
    return `${String(statfsSync(path).type)} ${String(statSync(path).dev)}`;
  } catch {
    return path === '/' ? '' : fileSystemOf(dirname(path));
  }
}

/** Changes whenever the file is replaced, edited or given another mode. */
function identityOf(path: string | undefined): string {
  const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  return stats === undefined
    ? ''
    : `${String(path)} ${String(stats.ino)} ${String(stats.mode)} ${String(stats.mtimeMs)}`;
}
