/** The storage drivers in the shape of findings; CLI process. */
import {
  cachedDriverProbe,
  ROOTFS_DRIVERS,
  type ProbedStore,
  type RootfsDriverName,
} from '../../drivers/rootfs/probe.ts';
import {
  admin,
  conclude,
  failed,
  fine,
  lessened,
  you,
  type Diagnosis,
  type Finding,
  type Topic,
} from '../../host/probe/finding.ts';
import { installFix } from '../../host/probe/install-hint.ts';

export const STORAGE: Topic = { id: 'storage', title: 'storage driver', needed: true };

function topicOf(name: RootfsDriverName): Topic {
  return { id: `storage-${name}`, title: `storage driver ${name}`, needed: false };
}

export const DRIVER_TOPICS: readonly Topic[] = ROOTFS_DRIVERS.map(topicOf);

/** Tries each driver anew in the store's file system, corrects what was remembered, and judges the sum. */
export async function probeStorage(store: ProbedStore, wanted?: RootfsDriverName): Promise<Finding[]> {
  const drivers = await Promise.all(
    ROOTFS_DRIVERS.map((name) => conclude(topicOf(name), () => probeDriver(name, store))),
  );
  return [...drivers, judgeStorage(drivers, wanted)];
}

async function probeDriver(name: RootfsDriverName, store: ProbedStore): Promise<Finding> {
  const probe = await cachedDriverProbe(store, name, { fresh: true });
  return probe.ok
    ? fine(topicOf(name), probe.reason)
    : failed(topicOf(name), probe.reason, explainDriver(name, probe.reason));
}

/** Why a driver does not work, from the step that failed. */
export function explainDriver(name: RootfsDriverName, reason: string): Diagnosis {
  const elsewhere = you('export HUTCH_DATA=/a/directory/on/a/local/disk/hutch');
  if (reason.includes('is not installed')) return { cause: `${name} is not here`, fix: [installFix(name)] };
  if (reason.startsWith('cannot write to') || reason.startsWith('write to the store')) {
    return { cause: 'the store cannot be written', fix: [elsewhere] };
  }
  if (reason.startsWith('reach the directory')) {
    return { cause: 'a directory above the store lets the ids of containers not pass', fix: [elsewhere] };
  }
  if (reason.startsWith('change an owner')) {
    return { cause: 'the file system of the store takes no files of subordinate ids (NFS, for one)', fix: [elsewhere] };
  }
  if (reason.startsWith('run a program')) {
    return { cause: 'the store is mounted noexec', fix: [elsewhere, admin('remount it with exec')] };
  }
  return explainMount(name);
}

function explainMount(name: RootfsDriverName): Diagnosis {
  const elsewhere = you('export HUTCH_DATA=/a/directory/on/a/local/disk/hutch');
  if (name === 'fuse-overlayfs')
    return { cause: '/dev/fuse does not open, or FUSE is not in this kernel', fix: [admin('modprobe fuse')] };
  if (name === 'vfs') return { cause: 'the layer could not be copied', fix: [elsewhere] };
  return {
    cause:
      'the kernel’s overlayfs does not work for users here: it is older than 5.11, not loaded, or cannot use the file system of the store',
    fix: [elsewhere, admin('modprobe overlay')],
  };
}

/** The driver that would be used: the one that the settings want, else the first that works; fast, slow, or none. */
export function judgeStorage(drivers: readonly Finding[], wanted?: RootfsDriverName): Finding {
  const works = (name: RootfsDriverName): boolean => drivers.find(({ id }) => id === topicOf(name).id)?.status === 'ok';
  if (wanted !== undefined && !works(wanted)) {
    const fix = [you('take "storageDriver" out of the settings file, or use --storage-driver')];
    return failed(STORAGE, wanted, { cause: 'the settings file asks for it, and it does not work, see above', fix });
  }
  const best = wanted ?? ROOTFS_DRIVERS.find(works);
  if (best === undefined) {
    return failed(STORAGE, 'none works', { cause: 'each of them failed, see above', fix: [] });
  }
  if (best !== 'vfs') return fine(STORAGE, best);
  return lessened(STORAGE, 'vfs', {
    cause: `${wanted === undefined ? 'only vfs works' : 'the settings file asks for vfs'}, which copies every layer: starts are slow, and the image "host" cannot be used`,
    fix: [],
  });
}
