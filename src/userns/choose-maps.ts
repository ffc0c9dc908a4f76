/** Which ids a container gets on this host; decided on the host's side before anything is started. */
import { readFileSync } from 'node:fs';
import { parseIdMap, type IdExtent, type UserNamespace } from '../linux/id-map.ts';
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
 * ids or without newuidmap only the one id is mapped. Called by root, everything is mapped to a subordinate range, root too; by root of a
 * user namespace that has not all ids (hutch in a container) to the others that it has.
 */
export async function chooseMaps(uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0): Promise<ChosenMaps> {
  if (uid === 0) return mapsOfRoot(ownMap('uid_map'), ownMap('gid_map'));
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

function ownMap(file: 'uid_map' | 'gid_map'): IdExtent[] {
  return parseIdMap(readFileSync(`/proc/self/${file}`, 'utf8'));
}

/** Of 2^32 ids the last one stands for none. */
const ALL_IDS = 4_294_967_295;

/** What root gets in a user namespace with these maps; of the maps, only what they have inside counts. */
export function mapsOfRoot(uids: readonly IdExtent[], gids: readonly IdExtent[]): ChosenMaps {
  if ([uids, gids].every(hasAll)) return { userNamespace: rootMaps(), reducedBecause: null };
  const [uidMap, gidMap] = [layRanges(rangesIn(uids), 0), layRanges(rangesIn(gids), 0)];
  if (uidMap.length === 0 || gidMap.length === 0)
    return single(0, 0, 'hutch runs in a user namespace already, which has 1 ids');
  return { userNamespace: { uidMap, gidMap, writer: 'parent' }, reducedBecause: null };
}

function hasAll(map: readonly IdExtent[]): boolean {
  return map.reduce((sum, { count }) => sum + count, 0) === ALL_IDS;
}

/** All ids but root, which is the user who has made the namespace. */
function rangesIn(map: readonly IdExtent[]): IdRange[] {
  return map.flatMap(({ containerId, count }) =>
    containerId > 0 ? [{ start: containerId, count }] : count > 1 ? [{ start: 1, count: count - 1 }] : [],
  );
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
