/** Where hutch keeps things on this host, and the checks that make those places safe; on the host's side. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';

export interface Directories {
  /** Images, layers, containers, volumes: survives a reboot. */
  readonly data: string;
  /** `config.json`. */
  readonly config: string;
  /** Sockets, probe results, the running list: gone at logout or reboot. */
  readonly run: string;
}

/**
 * The three directories of a user, not yet made. `HUTCH_DATA` overrides the data directory (CONFIG_INVALID unless it is absolute).
 * For root they are the system's (`/var/lib/hutch`, `/etc/hutch`, `/run/hutch`).
 * An XDG_RUNTIME_DIR that belongs to another uid (plain `su`) is not used. Source: XDG Base Directory Specification.
 */
export function findDirectories(env: NodeJS.ProcessEnv = process.env, uid = process.getuid?.() ?? 0): Directories {
  if (uid === 0) {
    return { data: chosenData(env) ?? '/var/lib/hutch', config: '/etc/hutch', run: '/run/hutch' };
  }
  return {
    data: chosenData(env) ?? join(absolute(env['XDG_DATA_HOME']) ?? join(homeOf(env), '.local/share'), 'hutch'),
    config: join(absolute(env['XDG_CONFIG_HOME']) ?? join(homeOf(env), '.config'), 'hutch'),
    run: runDirectory(env, uid),
  };
}

/** The specification wants relative paths to be ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith('/') === true ? path : undefined;
}

function chosenData({ HUTCH_DATA: path }: NodeJS.ProcessEnv): string | undefined {
  if (path === undefined || path.startsWith('/')) return path;
  throw new HutchError(`HUTCH_DATA is "${path}", which is no absolute path`, {
    code: 'CONFIG_INVALID',
    hint: 'give it a whole path, beginning with /, or unset it',
  });
}

/** HOME, else what the system knows: an id that is not in its list of users has no home. */
function homeOf(env: NodeJS.ProcessEnv): string {
  const home = absolute(env['HOME']);
  if (home !== undefined) return home;
  try {
    return userInfo().homedir;
  } catch {
    throw new HutchError('you have no home directory: HOME is not set, and the system does not know this user', {
      code: 'CONFIG_INVALID',
      hint: 'set HOME to a directory of your own',
    });
  }
}

/**
 * Below the user's runtime directory; without one a directory of our own in /tmp, whose owner is checked before each use. What was started
 * without a login (by cron, by su from root) is looked after there until it ends: while there is such a thing, a login uses that place, too.
 */
function runDirectory(env: NodeJS.ProcessEnv, uid: number): string {
  const [usual, spare] = [`/run/user/${String(uid)}`, `/tmp/hutch-${String(uid)}`];
  const usable = [env['XDG_RUNTIME_DIR'], usual].find(
    (path) => path?.startsWith('/') === true && ownerOf(path) === uid,
  );
  const isSpareUsed = usable === undefined || (usable === usual && ownerOf(spare) === uid && hasRunning(spare));
  return isSpareUsed ? spare : join(usable, 'hutch');
}

/** Where a run directory lists the containers that somebody looks after. */
export function runningDirectory(run: string): string {
  return join(run, 'running');
}

function hasRunning(run: string): boolean {
  try {
    return readdirSync(runningDirectory(run)).length > 0;
  } catch {
    return false;
  }
}

function ownerOf(path: string): number | undefined {
  try {
    const stats = lstatSync(path);
    return stats.isDirectory() ? stats.uid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Makes a private directory (0700, parents too) or checks the one that is there.
 * STORE_INSECURE when it is a symbolic link, belongs to someone else or lets others in; STORE_UNWRITABLE when it cannot
 * be made. A setuid file that container root makes must be out of other users' reach (docs/security.md).
 */
export function ensurePrivateDirectory(path: string, owner = process.getuid?.() ?? 0): void {
  let stats: Stats | undefined;
  try {
    stats = lstatSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw unwritable(path, error);
  }
  if (stats === undefined) makeDirectory(path);
  else checkDirectory(path, stats, owner);
}

function makeDirectory(path: string): void {
  try {
    makeWithParents(path);
    chmodSync(path, 0o700);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Node's own `recursive` never ends below /proc, where each mkdir(2) fails with ENOENT though the parent is there. */
function makeWithParents(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const isMade = errnoOf(error) === 'EEXIST' && ownerOf(path) !== undefined;
    if (isMade) return;
    if (errnoOf(error) !== 'ENOENT' || existsSync(dirname(path))) throw error;
    makeWithParents(dirname(path));
    makeWithParents(path);
  }
}

function checkDirectory(path: string, stats: Stats, owner: number): void {
  if (!stats.isDirectory()) throw insecure(path, 'it is not a directory', `move ${path} away`);
  if (stats.uid !== owner) {
    throw insecure(
      path,
      `it belongs to uid ${String(stats.uid)}`,
      'choose a directory of your own: XDG_RUNTIME_DIR for what is gone after a reboot, XDG_DATA_HOME or HUTCH_DATA for the store',
    );
  }
  if ((stats.mode & 0o077) !== 0) {
    throw insecure(path, `others may enter it (mode ${(stats.mode & 0o777).toString(8)})`, `chmod 700 ${path}`);
  }
}

function insecure(path: string, reason: string, hint: string): HutchError {
  return new HutchError(`${path} is not a safe place for hutch: ${reason}`, {
    code: 'STORE_INSECURE',
    hint,
    context: { path },
  });
}

function unwritable(path: string, cause: unknown): HutchError {
  return new HutchError(`cannot make ${path}: ${errnoOf(cause) ?? String(cause)}`, {
    code: errnoOf(cause) === 'ENOSPC' ? 'STORAGE_FULL' : 'STORE_UNWRITABLE',
    hint: 'make the directory writable, or set HUTCH_DATA (store) or XDG_RUNTIME_DIR (run directory) to one that is',
    cause,
    context: { path },
  });
}
