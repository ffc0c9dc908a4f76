/**
 * A world of its own for a test: user, mount and (if wanted) network namespaces in which a script of root has changed what the
 * test is about, and in which hutch then runs as the same ordinary user as outside. Nothing of it is seen on the host.
 *
 * newuidmap(1) has no power in there, so containers have one id only: an empty file covers /etc/subuid.
 */

export interface World {
  /** Shell commands by root of the world, before hutch starts. */
  readonly setup: string;
  /** With a network of its own, in which nothing leads to the outside. */
  readonly hasNetwork?: boolean;
}

/** A command that runs its arguments in such a world. */
export function world({ setup, hasNetwork = false }: World): readonly [string, ...string[]] {
  const [uid, gid] = [String(process.getuid?.()), String(process.getgid?.())];
  const script = [
    'set -e',
    'empty=$(mktemp)',
    'mount --bind "$empty" /etc/subuid',
    'mount --bind "$empty" /etc/subgid',
    'rm -f "$empty" 2>/dev/null || true',
    setup,
    `exec unshare --user --map-user=${uid} --map-group=${gid} -- "$@"`,
  ].join('\n');
  const network = hasNetwork ? ['--net'] : [];
  return ['unshare', '--user', '--map-root-user', '--mount', ...network, 'sh', '-c', script, 'world'];
}

/** What hutch says once about containers in such a world. */
export const ONE_ID =
  /^hutch: (?:warning: )?only root exists in this container: you have no range in \/etc\/subuid \(hutch doctor tells how to get the other ids\)\n/u;
