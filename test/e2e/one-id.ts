/** A user without subordinate ids, made of one who has some. */

import { getgid, getuid } from 'node:process';

/**
 * A command that runs its arguments in namespaces in which /etc/subuid is empty: as hutch finds it on a host whose administrator has
 * given nobody a range. The user stays who he is.
 */
export function withOneId(): readonly string[] {
  const script = `uid=$1 gid=$2; shift 2; mount --bind /dev/null /etc/subuid
exec unshare --user --map-user="$uid" --map-group="$gid" -- "$@"`;
  const ids = [String(getuid?.() ?? 0), String(getgid?.() ?? 0)];
  return ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-euc', script, 'one-id', ...ids];
}
