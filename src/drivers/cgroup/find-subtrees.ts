/** The subtrees of cgroups that hutch has made for containers, whoever made them and whether those live; on the host's side. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf } from '../../errors/hutch-error.ts';
import { isUnified, managerCgroup } from '../../host/probe/cgroup.ts';
import type { CgroupRecord } from '../../state/container-state.ts';
import { delegatedRoot } from './cgroupfs/delegated.ts';
import { PAYLOAD_GROUP } from './subtree.ts';

/** Slices and services in each other; nobody has more. */
const MAX_DEPTH = 8;
const NAME = /^hutch-([0-9a-f]{12})(\.scope)?$/u;

export interface FoundSubtree {
  readonly directory: string;
  /** The first 12 digits of the container's id. */
  readonly id: string;
  readonly record: CgroupRecord;
}

/** Those below the user's systemd and below what was delegated to this process. */
export function findSubtrees(
  roots: readonly (string | null)[] = isUnified() ? [managerCgroup(process.getuid?.() ?? 0), delegatedRoot()] : [],
): FoundSubtree[] {
  const found = new Map<string, FoundSubtree>();
  for (const root of roots) {
    if (root === null) continue;
    for (const subtree of below(root, MAX_DEPTH)) found.set(subtree.directory, subtree);
  }
  return [...found.values()];
}

/** The subtree in a directory of that name; null for another name, and where it is gone. */
export function subtreeAt(directory: string): FoundSubtree | null {
  const [unit, id, scope] = NAME.exec(basename(directory)) ?? [];
  if (unit === undefined || id === undefined || !existsSync(directory)) return null;
  const path = join(directory, PAYLOAD_GROUP);
  const record: CgroupRecord =
    scope === undefined ? { driver: 'cgroupfs', path, unit: null } : { driver: 'systemd', path, unit };
  return { directory, id, record };
}

function below(directory: string, depth: number): FoundSubtree[] {
  return directoriesIn(directory).flatMap((path) => {
    const own = subtreeAt(path);
    if (own !== null) return [own];
    return depth > 0 ? below(path, depth - 1) : [];
  });
}

function directoriesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(directory, name));
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENODEV'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}
