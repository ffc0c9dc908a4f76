/** Writing the id maps of a namespace that another process has just made; by its parent, on the host's side. */
import { readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { idMapText, type IdExtent, type UserNamespace } from '../linux/id-map.ts';
import { requireTool, runTool } from '../host/run-tool.ts';

const DEADLINE_MS = 10_000;

/**
 * Waits until process `pid` is in a user namespace of its own, then writes its maps: by newuidmap(1) and newgidmap(1), or
 * directly when we are root. USERNS_FAILED names what the helper said. A process that has ended instead (unshare(1) was
 * refused) gets no maps: whoever waits for it learns its reason.
 */
export async function writeMaps(pid: number, userNamespace: UserNamespace): Promise<void> {
  if (!(await enteredUserNamespace(pid))) return;
  if (userNamespace.writer === 'parent') {
    writeFileSync(`/proc/${String(pid)}/uid_map`, idMapText(userNamespace.uidMap));
    writeFileSync(`/proc/${String(pid)}/gid_map`, idMapText(userNamespace.gidMap));
    return;
  }
  // The gid map is what the holder waits for, so it must come last.
  await runMapTool('newuidmap', pid, userNamespace.uidMap);
  await runMapTool('newgidmap', pid, userNamespace.gidMap);
}

/** False when the process has ended before. */
async function enteredUserNamespace(pid: number): Promise<boolean> {
  const own = readlinkSync('/proc/self/ns/user');
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const its = userNamespaceOf(pid);
    if (its !== own) return its !== null;
    if (Date.now() > deadline) {
      throw new HutchError(`process ${String(pid)} made no user namespace within ${String(DEADLINE_MS / 1000)} s`, {
        code: 'USERNS_FAILED',
        hint: 'run `hutch doctor`',
      });
    }
    await sleep(1);
  }
}

function userNamespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${String(pid)}/ns/user`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function runMapTool(name: 'newuidmap' | 'newgidmap', pid: number, map: readonly IdExtent[]): Promise<void> {
  const extents = map.flatMap((e) => [e.containerId, e.hostId, e.count]).map(String);
  const result = await runTool([requireTool(name, 'map your subordinate ids'), String(pid), ...extents]);
  if (result.code === 0) return;
  throw new HutchError(`${name} refused the map ${idMapText(map).replaceAll('\n', ', ')}: ${result.stderr.trim()}`, {
    code: 'USERNS_FAILED',
    hint: 'run `hutch doctor`: it tells a lost setuid bit, a nosuid mount and a range that is not yours apart',
    context: { tool: name, pid },
  });
}
