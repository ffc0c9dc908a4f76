/** The order that every plan must have, whoever made it: a guard against bugs in the compiler, before anything is started; pure. */
import { HutchError } from '../../errors/hutch-error.ts';
import type { ExecPlan, Plan, Step, StepKind } from '../step.ts';

/** What puts something below the root; all of it is done between opening the root and the pivot. */
const BELOW_ROOT: readonly StepKind[] = [
  'overlay_host_directory',
  'make_directory',
  'make_symlink',
  'mount',
  'bind',
  'mask',
  'make_read_only',
  'make_root_read_only',
];
const COVERS: readonly StepKind[] = ['mask', 'make_read_only'];
const MAKES_ENTRIES: readonly StepKind[] = [
  'overlay_host_directory',
  'make_directory',
  'make_symlink',
  'mount',
  'bind',
];
const MOUNTS: readonly StepKind[] = ['mount_overlay', 'bind_root', ...BELOW_ROOT];
const FENCES: readonly StepKind[] = ['landlock', 'seccomp'];

/** Every step of `earlier` comes before every step of `later`. */
interface Rule {
  readonly earlier: readonly StepKind[];
  readonly later: readonly StepKind[];
  readonly because: string;
}

const RULES: readonly Rule[] = [
  { earlier: ['become_root'], later: ['unshare'], because: 'only root of the user namespace may make the others' },
  {
    earlier: ['unshare'],
    later: ['make_slave', 'set_hostname', 'set_domainname', 'loopback_up', 'sysctl'],
    because: "else it would change the host's own",
  },
  {
    earlier: ['join_cgroup'],
    later: ['unshare', 'wait_for'],
    because: 'helpers belong to the container',
  },
  {
    earlier: ['join_cgroup', 'await_monitor'],
    later: ['unshare_cgroup'],
    because: 'the cgroup namespace begins where this process is',
  },
  { earlier: ['unshare_cgroup'], later: [...COVERS, 'pivot_root'], because: 'cgroups are mounted in it' },
  { earlier: ['set_oom_score'], later: MOUNTS, because: 'it is written to the /proc of the host' },
  { earlier: ['make_slave'], later: MOUNTS, because: 'else mounts could reach the host' },
  { earlier: ['mount_overlay', 'bind_root'], later: ['open_root'], because: 'the root is opened when it is mounted' },
  { earlier: ['open_root'], later: BELOW_ROOT, because: 'targets are resolved beneath the opened root' },
  { earlier: MOUNTS, later: ['pivot_root'], because: 'sources on the host are gone afterwards' },
  {
    earlier: MAKES_ENTRIES,
    later: [...COVERS, 'make_root_read_only'],
    because: 'a later mount would hide or uncover it',
  },
  { earlier: ['mount', 'bind'], later: ['stdio'], because: "the terminal is opened in the container's own devpts" },
  {
    earlier: ['pivot_root'],
    later: ['change_directory', 'landlock', 'close_descriptors', 'execve'],
    because: 'it concerns the new root',
  },
  {
    earlier: ['unshare', 'wait_for'],
    later: ['publish_ports', 'limit_network'],
    because: 'the device that is limited must be in the new network namespace',
  },
  { earlier: ['limit_network'], later: ['pivot_root'], because: 'it needs programs of the host' },
  { earlier: ['await_monitor'], later: ['pivot_root'], because: 'the payload needs what was asked for' },
  { earlier: ['bound_capabilities'], later: ['set_user', 'set_capabilities'], because: 'it needs CAP_SETPCAP' },
  { earlier: ['pivot_root', 'set_rlimit'], later: ['set_user'], because: 'it needs the capabilities of root' },
  {
    earlier: ['set_user'],
    later: ['set_capabilities'],
    because: 'the change of user needs CAP_SETUID and clears the sets',
  },
  { earlier: ['close_descriptors', 'landlock'], later: ['seccomp'], because: 'the filter may forbid it' },
];

/**
 * SPEC_INVALID when the steps of a plan stand in an order that would weaken or break the container. Such a plan is a bug of
 * what made it; it must not run.
 */
export function checkOrder(plan: Plan): void {
  const places = placesOf(plan.steps);
  refuse([
    ...RULES.map((rule) => brokenRule(places, rule)),
    ...oneOfEach(places, ['open_root', 'pivot_root', 'execve']),
    neverAwaited(plan.steps),
    wrongEnd(plan.steps),
  ]);
}

function refuse(faults: readonly (string | undefined)[]): void {
  const fault = faults.find((found) => found !== undefined);
  if (fault === undefined) return;
  throw new HutchError(`the plan is in a wrong order: ${fault}`, {
    code: 'SPEC_INVALID',
    hint: 'report this as a bug of hutch, with the output of `hutch plan --format json`',
  });
}

const EXEC_RULES: readonly Rule[] = [
  { earlier: ['set_oom_score'], later: ['join_namespaces'], because: 'it is written to the /proc of the host' },
  {
    earlier: ['become_root'],
    later: ['join_namespaces'],
    because: 'only root of the user namespace may join the others',
  },
  {
    earlier: ['join_namespaces'],
    later: ['open_root', 'stdio', 'change_directory', 'fork'],
    because: "else it would be the host's own",
  },
  {
    earlier: ['open_root'],
    later: ['stdio', 'change_directory'],
    because: 'targets are resolved beneath the opened root',
  },
  {
    earlier: ['become_root', 'open_root', 'stdio', 'change_directory', 'join_keyring'],
    later: ['fork'],
    because: 'the child runs no JavaScript',
  },
  {
    earlier: ['fork'],
    later: [
      ...(['setsid', 'take_terminal', 'join_time_namespace', 'set_rlimit', 'bound_capabilities', 'set_user'] as const),
      ...(['set_capabilities', 'no_new_privileges', 'close_descriptors', 'execve'] as const),
      ...FENCES,
    ],
    because: 'it is for the payload, not for what prepares it',
  },
  { earlier: ['setsid'], later: ['take_terminal'], because: 'a terminal belongs to a session' },
  { earlier: ['set_rlimit', 'join_time_namespace'], later: ['set_user'], because: 'it needs the capabilities of root' },
];

/** As checkOrder, for a program more in a running container. */
export function checkExecOrder({ steps }: ExecPlan): void {
  const places = placesOf(steps);
  refuse([
    ...[...EXEC_RULES, ...RULES].map((rule) => brokenRule(places, rule)),
    ...oneOfEach(places, ['join_namespaces', 'open_root', 'fork', 'execve']),
    wrongEnd(steps),
  ]);
}

/** Where the steps of each kind stand that a plan has. */
type Places = ReadonlyMap<StepKind, readonly number[]>;

function placesOf(steps: readonly Step[]): Places {
  const places = new Map<StepKind, number[]>();
  for (const [index, { kind }] of steps.entries()) {
    const known = places.get(kind);
    if (known === undefined) places.set(kind, [index]);
    else known.push(index);
  }
  return places;
}

function brokenRule(places: Places, { earlier, later, because }: Rule): string | undefined {
  const last = outermost(places, earlier, 'last');
  const first = outermost(places, later, 'first');
  if (last === undefined || first === undefined || last.index < first.index) return undefined;
  return `${nameOf(last)} must come before ${nameOf(first)}: ${because}`;
}

interface Place {
  readonly index: number;
  readonly kind: StepKind;
}

function outermost(places: Places, kinds: readonly StepKind[], side: 'first' | 'last'): Place | undefined {
  let found: Place | undefined;
  for (const kind of kinds) {
    const index = places.get(kind)?.at(side === 'last' ? -1 : 0);
    if (index === undefined) continue;
    const isFurther = found === undefined || (side === 'last' ? index > found.index : index < found.index);
    if (isFurther) found = { index, kind };
  }
  return found;
}

function nameOf({ index, kind }: Place): string {
  return `step ${String(index + 1)} (${kind})`;
}

function oneOfEach(places: Places, exactlyOne: readonly StepKind[]): string[] {
  return exactlyOne.flatMap((kind) => {
    const count = places.get(kind)?.length ?? 0;
    return count === 1 ? [] : [`it has ${String(count)} steps of kind ${kind} instead of one`];
  });
}

/** What the monitor was asked for stands before the pivot, after which nothing tells of its failure any more. */
function neverAwaited(steps: readonly Step[]): string | undefined {
  const asked = steps.findLastIndex((step) => 'meanwhile' in step);
  const waits = steps.findIndex(({ kind }, index) => kind === 'await_monitor' && index > asked);
  const pivot = steps.findIndex(({ kind }) => kind === 'pivot_root');
  if (asked < 0 || (waits >= 0 && waits < pivot)) return undefined;
  return `step ${String(asked + 1)} (${steps[asked]?.kind ?? ''}) is not waited for before the pivot`;
}

/** execve ends it; with no_new_privs the filter comes right before, without it the fences come before the capabilities go. */
function wrongEnd(steps: readonly Step[]): string | undefined {
  const places = placesOf(steps);
  if (steps.at(-1)?.kind !== 'execve') return 'its last step is not execve';
  if (!places.has('no_new_privileges')) {
    return brokenRule(places, {
      earlier: FENCES,
      later: ['set_capabilities'],
      because: 'without no_new_privs it needs CAP_SYS_ADMIN',
    });
  }
  if (places.has('seccomp') && steps.at(-2)?.kind !== 'seccomp') return 'seccomp is not the last step before execve';
  return brokenRule(places, {
    earlier: ['no_new_privileges'],
    later: FENCES,
    because: 'without capabilities a fence needs it',
  });
}
