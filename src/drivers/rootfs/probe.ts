/** Which rootfs driver works on this host, found out by mounting with each and remembered until reboot; on the host's side. */
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, HutchError } from '../../errors/hutch-error.ts';
import { NoAnswer } from '../../host/probe/finding.ts';
import { findTool } from '../../host/run-tool.ts';
import { toHostId } from '../../linux/id-map.ts';
import { chooseMaps } from '../../userns/choose-maps.ts';
import { tryInUserns, whyFailed } from '../../userns/probe/try-in-userns.ts';
import { removeInUserns } from '../../userns/run-in-userns.ts';
import { writeError } from '../../state/json-file.ts';
import { makerName } from '../../state/maker-name.ts';
import { namespacesFailed } from '../../userns/namespaces-failed.ts';
import { readProbeCache, writeProbeCache } from './probe-cache.ts';

/** In the order of preference: speed first, what works anywhere last. */
export const ROOTFS_DRIVERS = ['overlay', 'fuse-overlayfs', 'vfs'] as const;
export type RootfsDriverName = (typeof ROOTFS_DRIVERS)[number];

export interface DriverProbe {
  readonly name: RootfsDriverName;
  readonly ok: boolean;
  /** The step that failed and what was said about it; for a driver that works, what was tried. */
  readonly reason: string;
}

export interface ChosenDriver {
  readonly name: RootfsDriverName;
  /** What was tried on the way, the chosen one last. */
  readonly tried: readonly DriverProbe[];
}

/** The part of a store that matters here. */
export interface ProbedStore {
  readonly root: string;
  readonly run: string;
}

/**
 * The driver that `wanted` names, or the first in ROOTFS_DRIVERS that works for this store. Answers come from the cache
 * where they are there. One that a busy host says nothing of is passed over this once. DRIVER_UNAVAILABLE says why none works.
 */
export async function chooseRootfsDriver(
  store: ProbedStore,
  wanted?: RootfsDriverName,
  options: { readonly timeoutMs?: number } = {},
): Promise<ChosenDriver> {
  const tried: DriverProbe[] = [];
  for (const name of wanted === undefined ? ROOTFS_DRIVERS : [wanted]) {
    const probe = await cachedDriverProbe(store, name, options).catch((error: unknown): DriverProbe => {
      if (error instanceof NoAnswer) return { name, ok: false, reason: error.message };
      throw error;
    });
    tried.push(probe);
    if (probe.ok) return { name, tried };
  }
  throw unavailable(store, tried, wanted);
}

function unavailable(store: ProbedStore, tried: readonly DriverProbe[], wanted: string | undefined): HutchError {
  const [first = ''] = tried.map(({ reason }) => reason);
  // What every probe needs and does not get is no fault of the drivers.
  const isCommon = tried.length > 1 && tried.every(({ reason }) => reason === first);
  if (/^write to the store: .*No space left on device/u.test(first)) return writeError(store.root, 'ENOSPC');
  if (isCommon || first.startsWith('start: ')) return namespacesFailed(first.replace(/^start: /u, ''));
  const reasons = tried.map((probe) => `${probe.name} (${probe.reason})`).join(', ');
  return new HutchError(`no usable storage driver: ${reasons}`, {
    code: 'DRIVER_UNAVAILABLE',
    hint: `${wanted === undefined ? '' : 'leave out --storage-driver, or '}run \`hutch doctor\` to see what this host lacks`,
    context: { wanted: wanted ?? null },
  });
}

/**
 * As probeRootfsDriver(), but answers from `<run>/probes.json` when nothing that matters has changed since. Only what works is
 * remembered, and what failed beside something that works, never a silence; `fresh` asks the host again and corrects the record.
 */
export async function cachedDriverProbe(
  store: ProbedStore,
  name: RootfsDriverName,
  options: { readonly fresh?: boolean; readonly timeoutMs?: number } = {},
): Promise<DriverProbe> {
  const known = options.fresh === true ? undefined : readProbeCache(store)[name];
  if (known !== undefined) return { name, ...known };
  const probe = await probeRootfsDriver(name, store, options);
  writeProbeCache(store, name, { ok: probe.ok, reason: probe.reason });
  return probe;
}

/** Mounts, deletes, makes again and changes owners with one driver in the store's file system, as a container would. NoAnswer. */
export async function probeRootfsDriver(
  name: RootfsDriverName,
  store: ProbedStore,
  options: { readonly timeoutMs?: number } = {},
): Promise<DriverProbe> {
  const tool = TOOL_OF[name];
  if (findTool(tool) === undefined) return { name, ok: false, reason: `${tool} is not installed` };
  const { uidMap, gidMap } = (await chooseMaps()).userNamespace;
  const directory = makeScratch(store.root);
  try {
    chownSync(directory, toHostId(uidMap, 0) ?? 0, toHostId(gidMap, 0) ?? 0);
    const owner = toHostId(uidMap, 1) === undefined || toHostId(gidMap, 1) === undefined ? '0:0' : '1:1';
    const trial = await tryInUserns(`${PREPARE}${MOUNT[name]}${USE}`, { ...options, directory, args: [owner] });
    const reason = whyFailed(trial);
    return { name, ok: reason === null, reason: reason ?? 'mounted, deleted and replaced a lower directory' };
  } catch (error) {
    if (!(error instanceof HutchError)) throw error;
    return { name, ok: false, reason: error.message };
  } finally {
    await removeScratch(directory);
  }
}

const TOOL_OF: Readonly<Record<RootfsDriverName, string>> = {
  overlay: 'mount',
  'fuse-overlayfs': 'fuse-overlayfs',
  vfs: 'cp',
};

const PREPARE = `
at "write to the store"
mkdir lower upper work merged lower/directory
cp -L "$(command -v env)" lower/env
echo lower >lower/directory/file; echo lower >lower/kept
at "change an owner to $1 in the store"; chown "$1" lower/kept lower/directory/file
`;

const LAYERS = 'lowerdir=lower,upperdir=upper,workdir=work';

const MOUNT: Readonly<Record<RootfsDriverName, string>> = {
  overlay: `at "mount an overlay"; mount -c -t overlay overlay -o ${LAYERS},userxattr merged\n`,
  'fuse-overlayfs': `
at "open /dev/fuse"; : <>/dev/fuse
at "mount with fuse-overlayfs"; fuse-overlayfs -o ${LAYERS} merged
`,
  vfs: 'at "copy the layer"; cp -a lower/. merged/\n',
};

// Without userxattr an overlay mounts in a user namespace too, but cannot remove what lies in a lower layer.
const USE = `
at "find the lower layer in the mount"; grep -q lower merged/kept
at "run a program from it"; merged/env >/dev/null
at "remove a lower directory"; rm -r merged/directory
at "make it again"; mkdir merged/directory
at "find it empty"; test -z "$(ls -A merged/directory)"
at "change a lower file"; echo upper >>merged/kept; chown "$1" merged/kept
at "leave the lower layer alone"; test -e lower/directory/file; test "$(cat lower/kept)" = lower
`;

/** A scratch directory on the store's file system: in the store, where others find it if we die, or in the nearest directory above. */
function makeScratch(root: string): string {
  const staging = join(root, 'staging');
  let parent = root;
  while (!existsSync(parent)) parent = dirname(parent);
  try {
    if (!existsSync(staging)) return mkdtempSync(join(parent, '.hutch-probe-'));
    const scratch = join(staging, makerName('probe'));
    mkdirSync(scratch, { mode: 0o700 });
    return scratch;
  } catch (cause) {
    throw new HutchError(`cannot write to ${parent}: ${errnoOf(cause) ?? String(cause)}`, {
      code: 'STORE_UNWRITABLE',
      hint: 'set HUTCH_DATA to a directory that you can write',
      cause,
      context: { path: parent },
    });
  }
}

// An overlay leaves a directory of mode 000 behind, and fuse-overlayfs files of subordinate ids.
async function removeScratch(directory: string): Promise<void> {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    await removeInUserns([directory]);
  }
}
