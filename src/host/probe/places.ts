/** The directories of hutch and the file system below its store; on the host's side. */
import { accessSync, constants, lstatSync, statfsSync, statSync } from 'node:fs';
import { findDirectories, type Directories } from '../directories.ts';
import { admin, failed, fine, lessened, you, type Diagnosis, type Finding, type Topic } from './finding.ts';
import { mountOf, nearestExisting, readMountTable, type Mount } from './mount-table.ts';

export const DIRECTORIES: Topic = { id: 'directories', title: 'directories of hutch', needed: true };
export const RUNTIME_DIRECTORY: Topic = { id: 'runtime-dir', title: 'XDG_RUNTIME_DIR', needed: false };
export const STORE_FILE_SYSTEM: Topic = { id: 'store-file-system', title: 'file system of the store', needed: true };

/** Who the user's directories may belong to, and what they are. */
export interface PlaceFacts {
  readonly directories: Directories;
  readonly uid: number;
  /** Owners that the data directory may have besides `uid`: for root, the host id of containers' root. */
  readonly storeOwners: readonly number[];
}

export function probeDirectories({ directories, uid, storeOwners }: PlaceFacts): Finding {
  const faults = [
    directoryFault(directories.data, [uid, ...storeOwners]),
    directoryFault(directories.run, [uid]),
  ].filter((fault) => fault !== null);
  const detail = `${directories.data}, ${directories.run}`;
  if (faults.length === 0) return fine(DIRECTORIES, detail);
  return failed(DIRECTORIES, detail, {
    cause: faults.map((fault) => fault.cause).join('; '),
    fix: faults.flatMap((fault) => fault.fix),
  });
}

/** What is wrong with a directory of hutch, or with the place where it is going to be made; null when nothing is. */
function directoryFault(path: string, owners: readonly number[]): Diagnosis | null {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return placeFault(path);
  if (!stats.isDirectory()) return { cause: `${path} is not a directory`, fix: [you(`mv ${path} ${path}.old`)] };
  if (!owners.includes(stats.uid)) {
    return {
      cause: `${path} belongs to uid ${stats.uid}`,
      fix: [ELSEWHERE, admin(`chown -R ${owners[0] ?? 0} ${path}`)],
    };
  }
  if ((stats.mode & 0o077) === 0) return null;
  return {
    cause: `others may enter ${path} (mode ${(stats.mode & 0o777).toString(8)})`,
    fix: [you(`chmod 700 ${path}`)],
  };
}

const ELSEWHERE = you('set HUTCH_DATA and XDG_RUNTIME_DIR to directories of your own');

function placeFault(path: string): Diagnosis | null {
  const parent = nearestExisting(path);
  try {
    accessSync(parent, constants.W_OK | constants.X_OK);
    return null;
  } catch {
    return { cause: `${path} is not there and ${parent} is not writable for you`, fix: [ELSEWHERE] };
  }
}

/** XDG_RUNTIME_DIR unset, gone, or left over from another user (plain su). Root does not use it. */
export function probeRuntimeDirectory(env = process.env, uid = process.getuid?.() ?? 0): Finding {
  if (uid === 0) return fine(RUNTIME_DIRECTORY, 'not used by root');
  const fallback = findDirectories(env, uid).run;
  const value = env['XDG_RUNTIME_DIR'];
  const owner = value === undefined ? undefined : statSync(value, { throwIfNoEntry: false })?.uid;
  if (owner === uid) return fine(RUNTIME_DIRECTORY, value ?? '');
  const cause = runtimeFault(value, owner);
  // Found by its usual name all the same: nothing is lost.
  if (fallback.startsWith('/run/user/')) return fine(RUNTIME_DIRECTORY, `${cause}; ${fallback} is used`);
  return lessened(RUNTIME_DIRECTORY, `${fallback} is used instead`, {
    cause: `${cause}, and there is no /run/user/${uid}`,
    fix: [you('log in directly (by ssh or on a console, not by su)'), admin(`loginctl enable-linger ${uid}`)],
  });
}

function runtimeFault(value: string | undefined, owner: number | undefined): string {
  if (value === undefined) return 'XDG_RUNTIME_DIR is not set';
  return owner === undefined ? `${value} is not there` : `${value} belongs to uid ${owner}`;
}

const NETWORK_TYPES = [
  'nfs',
  'nfs4',
  'gpfs',
  'lustre',
  'cifs',
  'smb3',
  'smbfs',
  'afs',
  'ceph',
  '9p',
  'beegfs',
  'panfs',
];
const FEW_BYTES = 1024 ** 3;

/** File system facts that can be judged without a disk. */
export interface StoreSpace {
  readonly path: string;
  readonly mount: Pick<Mount, 'type' | 'target' | 'options'> | undefined;
  readonly freeBytes: number;
}

export function readStoreSpace(root: string): StoreSpace {
  const path = nearestExisting(root);
  const { bavail, bsize } = statfsSync(path);
  return { path, mount: mountOf(readMountTable(), path), freeBytes: bavail * bsize };
}

export function judgeStoreSpace({ path, mount, freeBytes }: StoreSpace): Finding {
  const type = mount?.type ?? 'unknown';
  const detail = `${type}${restrictions(mount)}, ${formatGib(freeBytes)} free at ${path}`;
  if (freeBytes === 0) {
    return failed(STORE_FILE_SYSTEM, detail, { cause: 'it is full', fix: [you('free some space'), MOVE] });
  }
  if (mount?.options.includes('ro') === true) {
    return failed(STORE_FILE_SYSTEM, detail, { cause: `${mount.target} is mounted read-only`, fix: [MOVE] });
  }
  const cause = weakness(type, mount?.options ?? [], freeBytes);
  return cause === null ? fine(STORE_FILE_SYSTEM, detail) : lessened(STORE_FILE_SYSTEM, detail, { cause, fix: [MOVE] });
}

const MOVE = you('export HUTCH_DATA=/a/directory/on/a/local/disk/hutch');

function weakness(type: string, options: readonly string[], freeBytes: number): string | null {
  if (NETWORK_TYPES.includes(type)) {
    return `${type} keeps no files of subordinate ids, and overlayfs takes no upper directory on it`;
  }
  if (type.startsWith('fuse'))
    return 'a file system by FUSE is slow below an overlay, and many have no owners of their own';
  if (options.includes('noexec'))
    return 'it is mounted noexec: programs of a root file system copied to it (vfs) cannot start';
  return freeBytes < FEW_BYTES ? 'there is little space left' : null;
}

function restrictions(mount: StoreSpace['mount']): string {
  const found = ['ro', 'noexec', 'nosuid', 'nodev'].filter((option) => mount?.options.includes(option) === true);
  return found.length === 0 ? '' : ` (${found.join(',')})`;
}

function formatGib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
