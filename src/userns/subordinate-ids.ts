/** Looking up a user's subordinate id ranges; on the host's side. Sources: subuid(5), subgid(5), getsubids(1). */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { findTool, runTool } from '../host/run-tool.ts';

export interface IdRange {
  readonly start: number;
  readonly count: number;
}

export interface SubordinateIds {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

/**
 * The login name of the calling user, or undefined when the uid has none (an LDAP server that is away, a bare uid), or is
 * not the caller's.
 */
export function loginName(uid = process.getuid?.()): string | undefined {
  if (uid !== process.getuid?.()) return undefined;
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/**
 * The ranges of a user, from the files and, where those name none, from getsubids(1), which asks NSS (LDAP, SSSD).
 * Empty lists when the user has none. Ranges come in the order of their source.
 */
export async function findSubordinateIds(uid: number, name = loginName(uid)): Promise<SubordinateIds> {
  const fromFiles = readSubordinateIds(uid, name);
  if (fromFiles.uids.length > 0 && fromFiles.gids.length > 0) return fromFiles;
  const tool = findTool('getsubids');
  if (tool === undefined || name === undefined) return fromFiles;
  const [uids, gids] = await Promise.all([askGetsubids(tool, [name]), askGetsubids(tool, ['-g', name])]);
  return {
    uids: fromFiles.uids.length > 0 ? fromFiles.uids : uids,
    gids: fromFiles.gids.length > 0 ? fromFiles.gids : gids,
  };
}

/** The ranges that /etc/subuid and /etc/subgid give a user, by name or by uid. */
export function readSubordinateIds(uid: number, name = loginName(uid)): SubordinateIds {
  const owners = [name, String(uid)];
  return { uids: rangesOf('/etc/subuid', owners), gids: rangesOf('/etc/subgid', owners) };
}

function rangesOf(path: string, owners: readonly (string | undefined)[]): IdRange[] {
  return readSubordinateFile(path)
    .filter((entry) => owners.includes(entry.owner))
    .map(({ start, count }) => ({ start, count }));
}

/** All entries of a subuid(5) file, ill-formed lines left out; an unreadable file has none. */
export function readSubordinateFile(path: string): (IdRange & { readonly owner: string })[] {
  return readText(path)
    .split('\n')
    .map((line) => /^([^:#]+):(\d+):(\d+)\s*$/u.exec(line))
    .filter((match) => match !== null)
    .map(([, owner = '', start, count]) => ({ owner, start: Number(start), count: Number(count) }))
    .filter((entry) => entry.count > 0);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function askGetsubids(tool: string, args: readonly string[]): Promise<IdRange[]> {
  const result = await runTool([tool, ...args], { timeoutMs: 5000 });
  return result.stdout
    .split('\n')
    .map((line) => /^\d+: \S+ (\d+) (\d+)$/u.exec(line))
    .filter((match) => match !== null)
    .map(([, start, count]) => ({ start: Number(start), count: Number(count) }));
}
