/** Cgroup driver `cgroupfs`: a subtree below a cgroup that was delegated to this process, without systemd's help; on the host's side. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, HutchError } from '../../../errors/hutch-error.ts';
import { readControllers } from '../../../host/probe/cgroup.ts';
import { siblingSettings } from '../../../oci/cgroup-settings.ts';
import type { CgroupRecord } from '../../../state/container-state.ts';
import { applySettings } from '../apply-settings.ts';
import type { CgroupDriver, CgroupRequest } from '../driver.ts';
import { killTree, layOut, moveAll, moveProcess, processesIn, removeTree, writeValue } from '../subtree.ts';
import { delegatedRoot } from './delegated.ts';

/** Where the processes go that were in the delegated cgroup itself: as long as they are there it gives no controllers away. */
const REST = 'rest';

export const cgroupfsDriver: CgroupDriver = {
  name: 'cgroupfs',
  prepare: () => ({
    make: (request) => Promise.resolve().then(() => make(request)),
    [Symbol.dispose]: () => undefined,
  }),
  join: async (_record, pid, place) => {
    await Promise.resolve();
    try {
      moveProcess(place, pid);
    } catch (cause) {
      throw cannot(`process ${String(pid)} cannot be moved into ${place}`, {
        cause,
        hint: 'call hutch from the service, or other delegated cgroup, in which the container was started',
      });
    }
  },
  weigh: async (record, settings) => {
    await Promise.resolve();
    applySettings(dirname(record.path), settings);
  },
  leave: (record) => {
    const directory = dirname(record.path);
    const rest = join(dirname(dirname(directory)), REST);
    if (!existsSync(rest)) return;
    moveAll(join(directory, 'hutch'), rest);
    removeTree(directory);
  },
  remove: async (record) => {
    await killTree(dirname(record.path));
    removeTree(dirname(record.path));
  },
};

function make({ name, parent, processes, settings }: CgroupRequest): CgroupRecord {
  const root = delegatedRoot();
  if (root === null) throw notDelegated();
  const directory = join(root, parent, name);
  try {
    openTo(root);
    makeParent(root, parent);
    // What a monitor that was killed has left.
    removeTree(directory);
    mkdirSync(directory);
    for (const pid of processes) moveProcess(directory, pid);
  } catch (cause) {
    throw cannot(`cannot make the cgroup ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
      hint: 'see `hutch doctor`, or run without limits by --cgroup-driver none',
    });
  }
  const path = layOut(directory);
  applySettings(directory, siblingSettings(settings));
  return { driver: 'cgroupfs', path, unit: null };
}

/** Makes a cgroup give its controllers to those below it. */
function openTo(directory: string): void {
  if (processesIn(directory).length > 0) {
    const rest = join(directory, REST);
    makeDirectory(rest);
    moveAll(directory, rest);
  }
  giveAll(directory);
}

function makeParent(root: string, parent: string): void {
  let path = root;
  for (const part of parent.split('/')) {
    path = join(path, part);
    makeDirectory(path);
    giveAll(path);
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function giveAll(directory: string): void {
  const words = readControllers(directory).map((name) => `+${name}`);
  writeValue(join(directory, 'cgroup.subtree_control'), words.join(' '));
}

function notDelegated(): HutchError {
  return cannot('the cgroup of this process was not delegated to it', {
    hint: 'run hutch in a service with User= and Delegate=yes, or let --cgroup-driver systemd do it',
  });
}

function cannot(message: string, options: { readonly hint: string; readonly cause?: unknown }): HutchError {
  return new HutchError(message, { code: 'CGROUP_FAILED', ...options });
}
