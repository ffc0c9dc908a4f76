/**
 * A world of its own for a test: user, mount and (if wanted) network namespaces in which a script of root has changed what the
 * test is about, and in which hutch then runs as the same ordinary user as outside. Nothing of it is seen on the host.
 *
 * newuidmap(1) has no power in there, so containers have one id only: an empty file covers /etc/subuid.
 */

import { spawnSync } from 'node:child_process';

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

/** Setup of a world with an outside: addresses of its own, servers at 198.51.100.7, 198.51.100.53 and 2001:db8::7, and nothing beyond. */
export const OUTER_NETWORK = `
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
ip link add outer type veth peer name far
ip link set outer up
ip link set far up
ip addr add 203.0.113.2/24 dev outer
ip route add default via 203.0.113.1
ip addr add 198.51.100.7/32 dev lo
ip addr add 198.51.100.53/32 dev lo
ip -6 addr add 2001:db8:1::2/64 dev outer nodad
ip -6 addr add 2001:db8::7/128 dev lo`;
/** Without it the outside has addresses of IPv6, and no way there. */
export const OUTER_ROUTE6 = 'ip -6 route add default via 2001:db8:1::1 dev outer';

/** Why such an outside cannot be made here. */
export function outerNetworkSkip(): string | false {
  const argv = ['-Urn', 'sh', '-c', `set -e${OUTER_NETWORK}\n${OUTER_ROUTE6}`];
  const { status, stderr } = spawnSync('unshare', argv, { encoding: 'utf8' });
  return status === 0 ? false : `no such network can be made here: ${stderr.trim()}`;
}

/** What hutch says once about containers in such a world. */
export const ONE_ID =
  /^hutch: (?:warning: )?only root exists in this container: you have no range in \/etc\/subuid \(hutch doctor tells how to get the other ids\)\n/u;
