/** Id maps of user namespaces as data; pure. Source: user_namespaces(7). */

/** `count` ids from `containerId` inside are `count` ids from `hostId` in the parent user namespace. */
export interface IdExtent {
  readonly containerId: number;
  readonly hostId: number;
  readonly count: number;
}

/** One user namespace with its maps. */
export interface UserNamespace {
  readonly uidMap: readonly IdExtent[];
  readonly gidMap: readonly IdExtent[];
  /**
   * Who writes the maps: the setuid helpers newuidmap and newgidmap; the process itself (one id only, setgroups(2) denied);
   * or a privileged parent by a plain write to /proc/PID/uid_map.
   */
  readonly writer: 'newuidmap' | 'self' | 'parent';
}

/** The host id behind a container id, or undefined when the map has none. */
export function toHostId(map: readonly IdExtent[], containerId: number): number | undefined {
  const extent = map.find((e) => containerId >= e.containerId && containerId < e.containerId + e.count);
  return extent === undefined ? undefined : extent.hostId + (containerId - extent.containerId);
}

/** The lines of /proc/PID/uid_map for a map. */
export function idMapText(map: readonly IdExtent[]): string {
  return map.map((e) => `${String(e.containerId)} ${String(e.hostId)} ${String(e.count)}`).join('\n');
}

/** Reads the text of /proc/PID/uid_map or gid_map. */
export function parseIdMap(text: string): IdExtent[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/u).map(Number))
    .filter((fields) => fields.length === 3)
    .map(([containerId = 0, hostId = 0, count = 0]) => ({ containerId, hostId, count }));
}

/** True when two maps have the same extents in the same order. */
export function isSameIdMap(a: readonly IdExtent[], b: readonly IdExtent[]): boolean {
  return idMapText(a) === idMapText(b);
}
