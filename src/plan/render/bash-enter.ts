/** The host's side of a rendered script: the stages that prepare the disk, make the user namespaces and write their maps; pure. */
import type { IdExtent, UserNamespace } from '../../linux/id-map.ts';
import type { Preparation } from '../../oci/rootfs-source.ts';
import type { Enter, Plan, Step } from '../step.ts';
import { scopeWords } from './bash-cgroup.ts';
import { containerDirectory } from './container-directory.ts';
import { describeMaps } from './describe-maps.ts';
import { shellQuote, shellWords } from './shell-quote.ts';

export interface HostStages {
  /** Shell functions, the first of which is `host`. */
  readonly functions: readonly string[];
  /** Names that the script may be called with, besides those of the container's own stages. */
  readonly stages: readonly string[];
  /** Lines that the first stage inside the innermost user namespace begins with. */
  readonly arrival: readonly string[];
}

const START_INSIDE = (stage: string): string => `-- "$BASH" "$0" ${stage} || exit $?`;

/** The stages for a plan. With one user namespace there is only `host`. */
export function hostStages(plan: Plan): HostStages {
  const { enter } = plan;
  const [made, inner] = enter.userNamespaces;
  // The maps of one that is joined are written.
  const outer = enter.network === undefined ? made : { ...made, writer: 'self' as const };
  const copies = copyLayers(plan.prepare);
  if (inner === undefined) {
    const duties = [...mapDuty(outer), ...rootfsDuty(plan, ENTER_CONTAINER), ...networkDuty(plan)];
    return {
      functions: [hostFunction(plan, outer, { flags: innermostFlags(enter), inside: 'root', duties })],
      stages: ['host'],
      arrival: [...awaitMaps(outer, 3), ...copies],
    };
  }
  const duties = [...mapDuty(outer), ...networkDuty(plan)];
  return {
    functions: [
      hostFunction(plan, outer, { flags: ['--mount'], inside: 'outer', duties }),
      outerFunction(outer),
      nestFunction(inner, {
        flags: innermostFlags(enter),
        duties: [...mapDuty(inner), ...rootfsDuty(plan, '')],
        copies,
      }),
    ],
    stages: ['host', 'outer', 'nest'],
    arrival: awaitMaps(inner, 5),
  };
}

/** Asks for the helper of a `wait_for` step, on the pipes of the stage that has it as a duty. */
export function askFor(step: Step<'wait_for'>, enter: Enter): string {
  return step.what === 'rootfs' && enter.userNamespaces.length > 1 ? 'ask 5 6' : 'ask 3 4';
}

function innermostFlags({ pid, time, userNamespaces }: Enter): string[] {
  const forks = pid === 'private' || time !== null;
  return [
    ...(userNamespaces.length === 1 ? ['--mount'] : []),
    ...(pid === 'private' ? ['--pid'] : []),
    ...(time === null
      ? []
      : ['--time', `--monotonic=${String(time.monotonicSeconds)}`, `--boottime=${String(time.boottimeSeconds)}`]),
    ...(forks ? ['--fork', '--kill-child'] : []),
  ];
}

interface Start {
  readonly flags: readonly string[];
  readonly duties: readonly string[];
}

/** The first stage, as the caller. What must be done from outside is the duty of a companion, a child beside the container. */
function hostFunction(plan: Plan, space: UserNamespace, start: Start & { readonly inside: string }): string {
  const { flags, inside, duties } = start;
  return [
    '# On the host, as you.',
    ...describeMaps(space).map((line) => `#   ${line}`),
    ...shellFunction('host', [
      ...privateDirectory(containerDirectory(plan), space),
      ...prepareDisk(plan.prepare),
      ...companion('HOST_SIDE', duties, 3),
      `${scopeWords(plan)
        .map((word) => `${shellQuote(word)} `)
        .join('')}${enterWords(plan.enter, space, flags)} ${START_INSIDE(inside)}`,
    ]),
  ].join('\n');
}

/** The commands that make or join the user namespace, and make those that must be there when the script goes on. */
function enterWords({ network }: Enter, space: UserNamespace, flags: readonly string[]): string {
  if (network === undefined)
    return `setpriv --pdeathsig=KILL -- unshare --user ${shellWords([...mapFlags(space), ...flags])}`;
  const pid = `"$("$HUTCH" inspect --format '{{.State.Pid}}' ${shellQuote(network.container)})"`;
  return `nsenter --preserve-credentials -t ${pid} --user --net -- setpriv --pdeathsig=KILL -- unshare ${shellWords(flags)}`;
}

/** In the outer of two user namespaces, before it is root there. */
function outerFunction(space: UserNamespace): string {
  const become = ['setpriv', '--reuid=0', '--regid=0', space.writer === 'self' ? '--keep-groups' : '--clear-groups'];
  return [
    '# In the outer user namespace: be its root.',
    ...shellFunction('outer', [...awaitMaps(space, 3), `exec ${shellWords(become)} -- "$BASH" "$0" nest`]),
  ].join('\n');
}

/** In the outer of two user namespaces, as its root, which may write any map of its own ids. */
function nestFunction(
  space: UserNamespace,
  { flags, duties, copies }: Start & { readonly copies: readonly string[] },
): string {
  return [
    '# As root of the outer user namespace: make the inner one.',
    ...describeMaps(space).map((line) => `#   ${line}`),
    ...shellFunction('nest', [
      ...copies,
      ...companion('OUTER_SIDE', duties, 5),
      `unshare --user ${shellWords([...mapFlags(space), ...flags])} ${START_INSIDE('root')}`,
    ]),
  ].join('\n');
}

function shellFunction(name: string, lines: readonly string[]): string[] {
  return [`${name}() {`, ...lines.map((line) => `  ${line}`), '}'];
}

/**
 * What root in the container makes set-uid is set-uid the caller on the host, so nobody else may reach it (docs/security.md);
 * and who has made the directory beforehand could exchange what lies in it. Root's containers have other ids, which must pass.
 */
function privateDirectory(path: string, { writer }: UserNamespace): string[] {
  if (path === '/') return [];
  const quoted = shellQuote(path);
  return [`mkdir -p -m ${writer === 'parent' ? '0711' : '0700'} -- ${quoted}`, `[ -O ${quoted} ]`];
}

function prepareDisk({ directories, links, files }: Preparation): string[] {
  return [
    ...(directories.length === 0 ? [] : [`mkdir -p -- ${shellWords(directories)}`]),
    ...links.map(({ path, to }) => `ln -sfnT -- ${shellWords([to, path])}`),
    ...files.map(({ path, content }) => `printf %s ${shellQuote(content)} >${shellQuote(path)}`),
  ];
}

/** In a user namespace, as the layers hold files of many ids. */
function copyLayers({ copies }: Preparation): string[] {
  const lines = copies.flatMap(({ layers, to }) => layers.map((layer) => `cp -a -- ${shellWords([`${layer}/.`, to])}`));
  return lines.length === 0 ? [] : ['# Not by bash: files that an upper layer deletes stay.', ...lines];
}

function mapFlags(space: UserNamespace): string[] {
  // Without --keep-caps a process whose id is not mapped yet loses its capabilities at execve(2).
  return space.writer === 'self' ? ['--map-root-user'] : ['--keep-caps'];
}

/** Questions to the stage outside go out on descriptor `first`, answers come on the next one. */
function awaitMaps(space: UserNamespace, first: number): string[] {
  return space.writer === 'self' ? [] : [`ask ${String(first)} ${String(first + 1)}`];
}

// The companion stays until nobody can ask any more, as its own children end with it.
// bash would mark copies of its own pipes close-on-exec; opening them anew does not.
function companion(name: string, duties: readonly string[], first: number): string[] {
  if (duties.length === 0) return [];
  return [
    `coproc ${name} {`,
    ...duties.map((line) => `  ${line}`),
    ...(duties.some((line) => line.startsWith('exec ')) ? [] : ['  read -r || exit 0']),
    '}',
    `exec ${String(first)}>"/proc/self/fd/\${${name}[1]}" ${String(first + 1)}<"/proc/self/fd/\${${name}[0]}"`,
  ];
}

function mapDuty(space: UserNamespace): string[] {
  if (space.writer === 'self') return [];
  const write =
    space.writer === 'newuidmap'
      ? [`newuidmap "$pid" ${mapWords(space.uidMap)}`, `newgidmap "$pid" ${mapWords(space.gidMap)}`]
      : [writeMap('uid_map', space.uidMap), writeMap('gid_map', space.gidMap)];
  return ['read -r pid', ...write, 'printf 1'];
}

function mapWords(map: readonly IdExtent[]): string {
  return map.map(extentWords).join(' ');
}

function writeMap(file: string, map: readonly IdExtent[]): string {
  // One write(2) for the whole map (user_namespaces(7)): bash's own printf writes line by line.
  return `env printf '%s\\n' ${map.map((extent) => `'${extentWords(extent)}'`).join(' ')} >"/proc/$pid/${file}"`;
}

function extentWords({ containerId, hostId, count }: IdExtent): string {
  return `${String(containerId)} ${String(hostId)} ${String(count)}`;
}

const ENTER_CONTAINER = 'nsenter --preserve-credentials -t "$pid" --user --mount -- ';

/**
 * The helper leaves a daemon behind that would live as long as its own mount; so it gets a pid namespace, which the companion
 * takes along when it ends. The container cannot see it there.
 */
function rootfsDuty(plan: Plan, enter: string): string[] {
  return helperFor(plan, 'rootfs').flatMap((helper) => [
    'read -r pid',
    `${enter}setpriv --pdeathsig=KILL -- unshare --pid --fork --kill-child -- \\`,
    `  sh -c 'if "$@" >/dev/null; then printf 1; exec sleep infinity >/dev/null; else printf 0; fi' sh ${helperWords(helper)} </dev/null &`,
  ]);
}

/** The helper says on descriptor 3 that it is ready, and ends when nobody holds the other end of descriptor 4 any more. */
function networkDuty(plan: Plan): string[] {
  return helperFor(plan, 'network').flatMap((helper) => [
    'read -r pid',
    `exec ${helperWords(helper)} 3>&1 4<&0 >/dev/null </dev/null`,
  ]);
}

function helperFor(plan: Plan, what: 'network' | 'rootfs'): (readonly string[])[] {
  return plan.steps.flatMap((step) => (step.kind === 'wait_for' && step.what === what ? [step.helper] : []));
}

function helperWords(helper: readonly string[]): string {
  const asked = helper.filter((word) => !word.includes('%api'));
  return asked.map(helperWord).join(' ');
}

function helperWord(word: string): string {
  const parts = word.split('%pid').map((part) => (part === '' ? '' : shellQuote(part)));
  return parts.length === 1 ? shellQuote(word) : parts.join('"$pid"');
}
