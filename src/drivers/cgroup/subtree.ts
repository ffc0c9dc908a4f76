/** The directories of a container's subtree of cgroups, whoever has made it; on the host's side. Source: Documentation/admin-guide/cgroup-v2.rst. */
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { readControllers } from '../../host/probe/cgroup.ts';

export const CGROUP_ROOT = '/sys/fs/cgroup';
/** Of the monitor, the launch chain and helpers. */
export const OWN_GROUP = 'hutch';
/** Of the payload. */
export const PAYLOAD_GROUP = 'payload';

const KILL_TIMEOUT_MS = 5000;
const LOOK_AGAIN_MS = 5;
/** Processes may be born while others are moved; their parents are moved already, so a few rounds are enough. */
const MAX_ROUNDS = 100;

/** Makes both cgroups in `directory`, moves all that is in it into the first, and gives the second all controllers. Returns the leaf. */
export function layOut(directory: string): string {
  const own = join(directory, OWN_GROUP);
  return attempt(`make the cgroups in ${directory}`, () => {
    mkdirSync(own);
    moveAll(directory, own);
    writeValue(
      join(directory, 'cgroup.subtree_control'),
      readControllers(directory)
        .map((name) => `+${name}`)
        .join(' '),
    );
    return makeLeaf(directory);
  });
}

/** The leaf anew, with counters that begin at zero. */
export function renewLeaf(leaf: string): void {
  attempt(`make ${leaf} anew`, () => {
    removeTree(leaf);
    makeLeaf(dirname(leaf));
  });
}

function makeLeaf(directory: string): string {
  const leaf = join(directory, PAYLOAD_GROUP);
  mkdirSync(leaf);
  return leaf;
}

/** Moves every process that is in a cgroup itself into another one. */
export function moveAll(from: string, to: string): void {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const pids = processesIn(from);
    if (pids.length === 0) return;
    for (const pid of pids) moveProcess(to, pid);
  }
}

/** The pids in a cgroup itself; none when it is gone. */
export function processesIn(directory: string): number[] {
  return (textIfThere(join(directory, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number);
}

/** Moves a process. One that has ended meanwhile is moved as well as can be. */
export function moveProcess(directory: string, pid: number): void {
  try {
    writeValue(join(directory, 'cgroup.procs'), String(pid));
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** Moves a process out of the payload's leaf to the helpers of the same container; one that cannot be moved stays. */
export function besideLeaf({ path }: { readonly path: string }, pid: number): void {
  try {
    moveProcess(join(dirname(path), OWN_GROUP), pid);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** The directory of the cgroup that a process is in, as the unified hierarchy has it; null when it is gone. */
export function cgroupOfProcess(pid: number | 'self'): string | null {
  const path = /^0::(\/.*)$/mu.exec(textIfThere(`/proc/${String(pid)}/cgroup`) ?? '')?.[1];
  return path === undefined ? null : join(CGROUP_ROOT, path);
}

/** True when this process is in the subtree that a container's leaf belongs to. */
export function isOwnCgroup({ path }: { readonly path: string }): boolean {
  return cgroupOfProcess('self')?.startsWith(`${dirname(path)}/`) === true;
}

/** Ends every process in a cgroup and below it, and resolves when none is left. Does nothing where it is gone. */
export async function killTree(directory: string): Promise<void> {
  if (!writeIfThere(join(directory, 'cgroup.kill'), '1')) return;
  const deadline = Date.now() + KILL_TIMEOUT_MS;
  while (isPopulated(directory) && Date.now() < deadline) await sleep(LOOK_AGAIN_MS);
}

/** Whether any process is in a cgroup or below it. */
export function isPopulated(directory: string): boolean {
  return /^populated 1$/mu.test(textIfThere(join(directory, 'cgroup.events')) ?? '');
}

/** Removes a cgroup and all below it, leaves first; what is gone already, or still has processes, is left alone. */
export function removeTree(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!['ENOENT', 'EBUSY', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** False when the file is gone. */
export function writeIfThere(path: string, text: string): boolean {
  try {
    writeValue(path, text);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENODEV') return false;
    throw error;
  }
}

/** Some files may only be written; and none is to be made. */
export function writeValue(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}

export function textIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'ESRCH', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof HutchError) throw cause;
    throw new HutchError(`cannot ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: 'CGROUP_FAILED',
      hint: 'see `hutch doctor`, or run without limits by --cgroup-driver none',
      cause,
    });
  }
}
