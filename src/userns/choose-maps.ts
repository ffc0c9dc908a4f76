/** Which ids a container gets on this host; decided on the host's side before anything is started. */
import type { IdExtent, UserNamespace } from '../linux/id-map.ts';
import { findTool } from '../host/run-tool.ts';
import { findSubordinateIds, readSubordinateFile, type IdRange, type SubordinateIds } from './subordinate-ids.ts';

/** Ids of a whole container: 0 to 65535. */
const FULL_COUNT = 65_536;
/** Where root's containers get their ids when no range is set aside for them in /etc/subuid. */
const ROOT_FALLBACK_START = 0x7000_0000;

export interface ChosenMaps {
  readonly userNamespace: UserNamespace;
  /** Why only one id could be mapped, in words for the user; null when the full range is there. */
  readonly reducedBecause: string | null;
}

/**
 * The maps of the calling user: root inside is the user, 1 to 65535 are the user's subordinate ids. Without subordinate
 * ids or without newuidmap only the one id is mapped. Called by root, everything is mapped to a subordinate range, root too.
 */
export async function chooseMaps(uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0): Promise<ChosenMaps> {
  if (uid === 0) return { userNamespace: rootMaps(), reducedBecause: null };
  const missing = ['newuidmap', 'newgidmap'].find((name) => findTool(name) === undefined);
  if (missing !== undefined) return single(uid, gid, `${missing} is not installed`);
  const ids = await findSubordinateIds(uid);
  const lacking = lackingFile(ids);
  if (lacking !== null) return single(uid, gid, `you have no range in ${lacking}`);
  return {
    userNamespace: {
      uidMap: withUserAsRoot(uid, ids.uids),
      gidMap: withUserAsRoot(gid, ids.gids),
      writer: 'newuidmap',
    },
    reducedBecause: null,
  };
}

function lackingFile(ids: SubordinateIds): string | null {
  if (ids.uids.length === 0) return '/etc/subuid';
  return ids.gids.length === 0 ? '/etc/subgid' : null;
}

function single(uid: number, gid: number, reducedBecause: string): ChosenMaps {
  const one = (id: number): IdExtent[] => [{ containerId: 0, hostId: id, count: 1 }];
  return { userNamespace: { uidMap: one(uid), gidMap: one(gid), writer: 'self' }, reducedBecause };
}

/** `0 → id`, then the ranges one after the other from 1 on, up to 65535. */
export function withUserAsRoot(id: number, ranges: readonly IdRange[]): IdExtent[] {
  return [{ containerId: 0, hostId: id, count: 1 }, ...layRanges(ranges, 1)];
}

function layRanges(ranges: readonly IdRange[], first: number): IdExtent[] {
  const extents: IdExtent[] = [];
  let containerId = first;
  for (const range of ranges) {
    const count = Math.min(range.count, FULL_COUNT - containerId);
    if (count > 0) extents.push({ containerId, hostId: range.start, count });
    containerId += Math.max(count, 0);
  }
  return extents;
}

function rootMaps(): UserNamespace {
  return {
    uidMap: layRanges([rangeForRoot('/etc/subuid')], 0),
    gidMap: layRanges([rangeForRoot('/etc/subgid')], 0),
    writer: 'parent',
  };
}

/** The range of `root` or `containers` (podman's name for it); else one far above all others. */
function rangeForRoot(path: string): IdRange {
  const entries = readSubordinateFile(path);
  const own = entries.find((entry) => ['root', 'containers', '0'].includes(entry.owner) && entry.count >= FULL_COUNT);
  if (own !== undefined) return own;
  const highest = Math.max(0, ...entries.map((entry) => entry.start + entry.count));
  return { start: Math.max(ROOT_FALLBACK_START, highest), count: FULL_COUNT };
}
