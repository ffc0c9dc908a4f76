/** Turning `-u` or the image's USER into ids, by the image's own passwd and group files; on the host's side. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HutchError } from '../../errors/hutch-error.ts';
import { badValue } from './parse-values.ts';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Home directory by the image's passwd, or `/`. */
  readonly home: string;
}

/** Longer account files are refused: an image must not make hutch read without end. */
export const MAX_ACCOUNT_BYTES = 1024 * 1024;
const WORD = /^(?:\d+|[A-Za-z_][A-Za-z0-9_.-]*\$?)$/u;

/**
 * Ids for `user[:group]`, names or numbers. Without a group the passwd entry's, and its supplementary groups.
 * @param roots trees to look for /etc/passwd in, topmost layer first.
 * USAGE_INVALID for a wrong form, ID_UNMAPPED for a name that the image does not have.
 */
export function resolveUser(text: string, roots: readonly string[], groupAdd: readonly string[] = []): ResolvedUser {
  const read = (name: 'passwd' | 'group'): string | undefined =>
    roots.map((root) => readAccountFile(root, name)).find((found) => found !== undefined);
  return resolveUserBy(text, read, groupAdd);
}

/** As resolveUser, with the text of etc/passwd and etc/group from elsewhere; undefined where there is none. */
export function resolveUserBy(
  text: string,
  read: (name: 'passwd' | 'group') => string | undefined,
  groupAdd: readonly string[] = [],
): ResolvedUser {
  const [user = '', group, ...rest] = text === '' ? ['0'] : text.split(':');
  if (!WORD.test(user) || rest.length > 0 || (group !== undefined && !WORD.test(group))) {
    throw badValue('-u', text, 'USER or USER:GROUP, each a name or a number');
  }
  const passwd = accountLines(read('passwd'));
  const groups = accountLines(read('group'));
  const entry = passwd.find(([name, , uid]) => name === user || uid === user);
  const uid = idOf(user, entry?.[2], 'user');
  const gid = group === undefined ? Number(entry?.[3] ?? 0) : groupId(group, groups);
  const login = entry?.[0];
  const member =
    group === undefined
      ? groups
          .filter(([, , , members]) => login !== undefined && members?.split(',').includes(login))
          .map(([, , id]) => Number(id))
      : [];
  const added = groupAdd.map((name) => groupId(name, groups));
  return {
    uid,
    gid,
    additionalGids: [...new Set([...member, ...added])].filter((id) => id !== gid),
    home: homeOf(entry, uid),
  };
}

function homeOf(entry: readonly string[] | undefined, uid: number): string {
  const home = entry?.[5];
  if (home?.startsWith('/') === true) return home;
  return uid === 0 ? '/root' : '/';
}

function groupId(word: string, groups: readonly (readonly string[])[]): number {
  if (!WORD.test(word)) throw badValue('--group-add', word, 'a name or a number');
  return idOf(word, groups.find(([name]) => name === word)?.[2], 'group');
}

function idOf(word: string, found: string | undefined, what: 'user' | 'group'): number {
  const id = Number(found ?? word);
  if (Number.isSafeInteger(id) && id < 2 ** 31) return id;
  if (/^\d+$/u.test(word)) throw badValue('-u', word, 'an id below 2147483648');
  throw new HutchError(`the image has no ${what} "${word}"`, {
    code: 'ID_UNMAPPED',
    hint: `use a number, or a name in /etc/${what === 'user' ? 'passwd' : 'group'} of the image`,
    context: { [what]: word },
  });
}

/** The fields of each line of an account file. */
function accountLines(text: string | undefined): string[][] {
  return (text ?? '').split('\n').map((line) => line.split(':'));
}

/** Reads etc/NAME of a tree that an image made: no link is followed, nothing but a small plain file is read. */
function readAccountFile(root: string, name: string): string | undefined {
  const directory = join(root, 'etc');
  try {
    if (!lstatSync(directory).isDirectory()) return undefined;
    const fd = openSync(join(directory, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      return stats.isFile() && stats.size <= MAX_ACCOUNT_BYTES ? readFileSync(fd, 'utf8') : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
