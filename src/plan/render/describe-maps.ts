/** Id maps in words; pure. */
import type { IdExtent, UserNamespace } from '../../linux/id-map.ts';

const WRITERS: Readonly<Record<UserNamespace['writer'], string>> = {
  newuidmap: 'the maps are written by newuidmap and newgidmap, which check /etc/subuid and /etc/subgid',
  self: 'the process writes its own map: one id, and setgroups(2) is denied',
  parent: 'the maps are written by the parent, which is root there',
};

/** One line for each extent of both maps, then who writes them. */
export function describeMaps(space: UserNamespace): string[] {
  return [
    ...space.uidMap.map((extent) => describeExtent('uid', extent)),
    ...space.gidMap.map((extent) => describeExtent('gid', extent)),
    WRITERS[space.writer],
  ];
}

function describeExtent(id: 'uid' | 'gid', { containerId, hostId, count }: IdExtent): string {
  if (count === 1) return `${id} ${String(containerId)} inside is ${id} ${String(hostId)} outside`;
  return (
    `${id}s ${String(containerId)} to ${String(containerId + count - 1)} inside are ` +
    `${id}s ${String(hostId)} to ${String(hostId + count - 1)} outside (${String(count)} ids)`
  );
}
