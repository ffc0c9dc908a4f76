/**
 * The chain of single-threaded host programs that brings a program into its user, mount and pid namespaces; pure text here,
 * run by the monitor. Node has threads, so it cannot unshare(2) CLONE_NEWUSER, and forks only as docs/adr/0019 says (docs/architecture.md).
 */
import { idMapText, isSameIdMap, type UserNamespace } from '../linux/id-map.ts';
import type { SubordinateIds } from './subordinate-ids.ts';
import { withUserAsRoot } from './choose-maps.ts';

export interface ChainRequest {
  /** Outermost first. */
  readonly userNamespaces: readonly [UserNamespace, ...UserNamespace[]];
  readonly pid: 'private' | 'host';
  /** Offsets of the clocks in seconds; null shares the host's time namespace. */
  readonly time: { readonly monotonicSeconds: number; readonly boottimeSeconds: number } | null;
  /** The program and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Shown read-only to the program: its own interpreter, so that nothing in the container can write to it. */
  readonly protect: string;
  /** Paths of namespaces that are there already, and take the place of new user and network namespaces. */
  readonly join?: { readonly user: string; readonly network: string };
  /** Run by root: a directory made reachable for the mapped ids at another place before privilege is given up. */
  readonly expose?: { readonly from: string; readonly at: string };
}

export interface LaunchChain {
  readonly argv: readonly [string, ...string[]];
  /** `inline`: unshare(1) writes the maps itself; `parent`: whoever starts the chain must (see write-maps.ts). */
  readonly mapping: 'inline' | 'parent';
}

/** Exit code by which the chain's own programs say that they failed; the reason is on their stderr. */
export const CHAIN_FAILED = 125;

/** PATH for the programs of the chain: system directories only, as they run with the caller's authority. */
export const CHAIN_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Waits until somebody has written the maps: the file stays empty until then. Every shell of a chain runs with -p, as dash
 * would otherwise set the user id that it read at its start: the overflow id, which has a meaning once the map is there.
 */
const AWAIT_MAPS = 'until read -r _ </proc/self/gid_map; do :; done';

/** A map written by root leaves a process with host root's id until it changes to the mapped one. */
const BECOME_ROOT = ['setpriv', '--reuid=0', '--regid=0', '--clear-groups'];

/** Lays a read-only mount of the interpreter $1 over itself, and drops $1. */
export const PROTECT = 'protected=$1; shift\nmount --bind -o ro,nosuid,nodev "$protected" "$protected" || exit 125';

/**
 * The holder: first process of the outer pid namespace. It outlives the container by a breath, says on descriptor 4 how the
 * container ended, and by its death takes every process of the container and every helper in that namespace along.
 * Its arguments are the command of the inner stage.
 */
const HOLDER = ['"$@" 5>&-', 'code=$?', '{ echo "exit $code" >&4; } 2>/dev/null', 'exit $code'].join('\n');

/**
 * Between two user namespaces: starts the inner one and writes its maps, as root of the outer one may.
 * $1 and $2 are the maps, the rest the command that unshares. /proc is the host's, so pids are read from there.
 */
const NEST = [
  'uids=$1 gids=$2; shift 2',
  '"$@" &',
  // The file has no line feed, so read(1) fails even when it has read a pid.
  'until read -r child _ </proc/thread-self/children || [ -n "$child" ]; do :; done',
  'own=$(readlink /proc/self/ns/user)',
  'until [ "$(readlink "/proc/$child/ns/user")" != "$own" ]; do :; done',
  // One write(2) for a whole map (user_namespaces(7)); what a shell's own echo makes of two lines differs from shell to shell.
  'env printf "%s\\n" "$uids" >"/proc/$child/uid_map" && env printf "%s\\n" "$gids" >"/proc/$child/gid_map" || exit 125',
  'wait $!',
].join('\n');

/**
 * The chain for a request. It must be started by a process whose death ends the container, in a session of its own, with an
 * environment that holds CHAIN_PATH and nothing secret.
 * @param subordinateIds what /etc/subuid and /etc/subgid give the caller, to know whether unshare(1) can write the map.
 */
export function launchChain(request: ChainRequest, subordinateIds: SubordinateIds): LaunchChain {
  const [outer, nested] = request.userNamespaces;
  if (request.join !== undefined) return joiningChain(request, request.join);
  const mapping = mappingOf(outer, subordinateIds);
  const inner = nested === undefined ? innerStage(request, outer) : nestedStage(request, nested);
  // A mount that init inherits from another user namespace would be locked, and no overlay could have it below its lowerdir
  // (mount_namespaces(7)); so the protection is laid by the stage whose user namespace is init's own.
  const holder = scriptOf(
    mapping === 'parent' ? AWAIT_MAPS : '',
    nested === undefined ? withRoot(outer.writer === 'parent') : '',
    HOLDER,
  );
  // unshare(1) has a child write the map, which waits for ever when its parent is killed at that moment. So the signal of the
  // starter's death comes after it; until then init, which finds its channel closed, ends the chain.
  const isMapped = mapping === 'inline' && outer.writer === 'newuidmap';
  const chain = [
    'unshare',
    ...(isMapped ? [] : ['--user']),
    '--mount',
    // What a helper mounts in the holder's namespace must reach the inner one, which is there already (mount_namespaces(7)).
    ...(nested === undefined ? [] : ['--propagation', 'shared']),
    ...(request.pid === 'private' ? ['--pid', '--fork', '--kill-child=SIGKILL'] : []),
    ...(isMapped ? [] : mapFlags(outer, mapping)),
    '--',
    'sh',
    '-p',
    '-c',
    holder,
    'hutch-holder',
    ...(nested === undefined ? [request.protect] : []),
    ...inner,
  ];
  const mortal: LaunchChain['argv'] = ['setpriv', '--pdeathsig', 'KILL', ...exposed(request, chain)];
  return { argv: isMapped ? ['unshare', '--user', ...mapFlags(outer, mapping), '--', ...mortal] : mortal, mapping };
}

/**
 * The chain that enters namespaces instead of making user namespaces: their maps are written. The signal of the starter's death is asked for once
 * more, as a process that enters a user namespace changes its credentials. Host root becomes the root of the namespace.
 */
function joiningChain(request: ChainRequest, { user, network }: NonNullable<ChainRequest['join']>): LaunchChain {
  const [outer] = request.userNamespaces;
  const mortal = ['setpriv', '--pdeathsig', 'KILL'] as const;
  const chain = [
    'nsenter',
    ...(outer.writer === 'parent' ? [] : ['--preserve-credentials']),
    ...[`--user=${user}`, `--net=${network}`, '--', ...mortal, 'unshare', '--mount'],
    ...(request.pid === 'private' ? ['--pid', '--fork', '--kill-child=SIGKILL'] : []),
    ...['--', 'sh', '-p', '-c', scriptOf(withRoot(outer.writer === 'parent'), HOLDER), 'hutch-holder', request.protect],
    ...innerStage(request, outer),
  ];
  return { argv: [...mortal, ...exposed(request, chain)], mapping: 'inline' };
}

function scriptOf(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n');
}

/** PROTECT, which may have to become root of the namespace first. */
function withRoot(isNeeded: boolean): string {
  return isNeeded ? PROTECT.replace('mount ', `${BECOME_ROOT.join(' ')} mount `) : PROTECT;
}

function exposed(request: ChainRequest, chain: readonly string[]): readonly string[] {
  if (request.expose === undefined) return chain;
  const script = 'mount --rbind "$1" "$2" || exit 125\nshift 2\nexec "$@"';
  return [
    'unshare',
    '--mount',
    '--',
    'sh',
    '-p',
    '-c',
    script,
    'hutch-expose',
    request.expose.from,
    request.expose.at,
    ...chain,
  ];
}

function mappingOf(outer: UserNamespace, ids: SubordinateIds): LaunchChain['mapping'] {
  if (outer.writer === 'self') return 'inline';
  return outer.writer === 'newuidmap' && isWhatUnshareMaps(outer, ids) ? 'inline' : 'parent';
}

// unshare(1) --map-auto: the first range of /etc/subuid that names the user, 65536 ids of it, less the one that root takes.
function isWhatUnshareMaps(outer: UserNamespace, ids: SubordinateIds): boolean {
  const [uids, gids] = [ids.uids[0], ids.gids[0]];
  const [user, group] = [outer.uidMap[0], outer.gidMap[0]];
  if (uids?.count !== 65_536 || gids?.count !== 65_536 || user === undefined || group === undefined) return false;
  return (
    isSameIdMap(outer.uidMap, withUserAsRoot(user.hostId, [uids])) &&
    isSameIdMap(outer.gidMap, withUserAsRoot(group.hostId, [gids]))
  );
}

function mapFlags(outer: UserNamespace, mapping: LaunchChain['mapping']): string[] {
  if (mapping === 'parent') return ['--keep-caps'];
  return outer.writer === 'self' ? ['--map-root-user'] : ['--map-root-user', '--map-auto'];
}

/** The stage below the holder when there is one user namespace: pid and time namespaces, then the program. */
function innerStage(request: ChainRequest, outer: UserNamespace): string[] {
  const changeIds = outer.writer === 'parent' ? BECOME_ROOT : [];
  return [...pidAndTime(request, []), ...changeIds, ...request.argv];
}

function nestedStage(request: ChainRequest, nested: UserNamespace): string[] {
  const script = scriptOf(AWAIT_MAPS, withRoot(true), 'exec "$@"');
  const mapped = ['sh', '-p', '-c', script, 'hutch-mapped', request.protect];
  const unshare = pidAndTime(request, ['--user', '--mount', '--propagation', 'slave', '--keep-caps']);
  return [
    'sh',
    '-p',
    '-c',
    NEST,
    'hutch-nest',
    idMapText(nested.uidMap),
    idMapText(nested.gidMap),
    ...unshare,
    ...mapped,
    ...BECOME_ROOT,
    ...request.argv,
  ];
}

function pidAndTime(request: ChainRequest, first: readonly string[]): string[] {
  const flags = [
    ...first,
    ...(request.pid === 'private' ? ['--pid', '--fork'] : []),
    ...(request.time === null ? [] : ['--time', ...timeFlags(request.time)]),
  ];
  return flags.length === 0 ? [] : ['unshare', ...flags, '--'];
}

function timeFlags(time: NonNullable<ChainRequest['time']>): string[] {
  return [
    ...(time.monotonicSeconds === 0 ? [] : ['--monotonic', String(time.monotonicSeconds)]),
    ...(time.boottimeSeconds === 0 ? [] : ['--boottime', String(time.boottimeSeconds)]),
  ];
}
