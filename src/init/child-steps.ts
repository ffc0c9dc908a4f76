/** The steps that a child does: as system calls prepared for it, since it runs no JavaScript. In init, before the child is there. */
import { constants } from 'node:os';
import { CAPABILITY_NAMES, capabilityMask, capabilityNumber } from '../linux/capabilities.ts';
import { CLOSE_RANGE_CLOEXEC, CLONE, FCNTL, IOCTL, PR, RLIMIT, SECCOMP_SET_MODE_FILTER } from '../linux/flags.ts';
import type { Step, StepKind } from '../plan/step.ts';
import { capabilitySets } from '../syscall/capability-sets.ts';
import { cString, type ChildCall } from '../syscall/child.ts';
import type { Context } from './context.ts';
import { candidatePaths, GO_ON_AFTER, knowsCapability, openLandlockRuleset } from './process-steps.ts';

/** What the calls of a child depend on. */
export interface ChildContext extends Context {
  /** The child ends with this process. */
  readonly attached: boolean;
  /** Descriptors that the calls need: the child closes all others but its stdio first. */
  readonly kept: number[];
}

type ChildTable = { readonly [K in StepKind]?: (step: Step<K>, context: ChildContext) => readonly ChildCall[] };

/** The calls of one step. Opens what they need in this process. Throws when a child cannot do such a step. */
export function childCalls(step: Step, context: ChildContext): readonly ChildCall[] {
  const prepare = CHILD_STEPS[step.kind] as ((step: Step, context: ChildContext) => readonly ChildCall[]) | undefined;
  if (prepare === undefined) throw new Error(`a child cannot do ${step.kind}`);
  return prepare(step, context);
}

const CHILD_STEPS: ChildTable = {
  setsid: () => [{ name: 'setsid', arguments: [] }],
  take_terminal: () => [{ name: 'ioctl', arguments: [0, IOCTL.TIOCSCTTY, 0] }],
  join_time_namespace: (_step, { container }) => [{ name: 'setns', arguments: [container ?? -1, CLONE.NEWTIME] }],
  set_rlimit: (step) => {
    const limit = Buffer.alloc(16);
    [step.soft, step.hard].forEach((value, index) =>
      limit.writeBigUInt64LE(value === null ? 2n ** 64n - 1n : BigInt(value), index * 8),
    );
    return [{ name: 'prlimit64', arguments: [0, RLIMIT[step.resource as keyof typeof RLIMIT], limit, 0] }];
  },
  bound_capabilities: (step, { syscalls }) => {
    const keep = new Set(step.keep.map(capabilityNumber));
    const dropped = [...CAPABILITY_NAMES.keys()].filter(
      (number) => !keep.has(number) && knowsCapability(syscalls, number),
    );
    return [
      prctl(PR.CAP_AMBIENT, PR.CAP_AMBIENT_CLEAR_ALL),
      ...dropped.map((number) => prctl(PR.CAPBSET_DROP, number)),
    ];
  },
  set_user: (step, { syscalls, attached }) => {
    const groups = Buffer.alloc(Math.max(4, step.groups.length * 4));
    step.groups.forEach((gid, index) => groups.writeUInt32LE(gid, index * 4));
    const permitted = syscalls.permittedCapabilities();
    return [
      // The bits survive the change of uid only with this; set_capabilities decides what stays.
      prctl(PR.SET_KEEPCAPS, 1),
      ...(step.setGroups ? [{ name: 'setgroups', arguments: [step.groups.length, groups] } as const] : []),
      { name: 'setresgid', arguments: [step.gid, step.gid, step.gid] },
      { name: 'setresuid', arguments: [step.uid, step.uid, step.uid] },
      // A change of uid clears it.
      ...(attached ? [prctl(PR.SET_PDEATHSIG, constants.signals.SIGKILL)] : []),
      capset(permitted, permitted, 0n),
      prctl(PR.SET_DUMPABLE, 0),
    ];
  },
  set_capabilities: (step) => [
    capset(capabilityMask(step.effective), capabilityMask(step.permitted), capabilityMask(step.inheritable)),
    ...step.ambient.map((name) => prctl(PR.CAP_AMBIENT, PR.CAP_AMBIENT_RAISE, capabilityNumber(name))),
  ],
  no_new_privileges: () => [prctl(PR.SET_NO_NEW_PRIVS, 1)],
  set_umask: (step) => [{ name: 'umask', arguments: [step.mask] }],
  reset_signals: () => {
    const [action, none] = [Buffer.alloc(32), Buffer.alloc(8)];
    const changeable = Array.from({ length: 64 }, (_, index) => index + 1).filter(
      (signal) => signal !== 9 && signal !== 19,
    );
    return [
      ...changeable.map((signal): ChildCall => ({ name: 'rt_sigaction', arguments: [signal, action, 0, 8] })),
      { name: 'rt_sigprocmask', arguments: [2, none, 0, 8] },
    ];
  },
  close_descriptors: () => [
    ...[0, 1, 2].map((fd): ChildCall => ({ name: 'fcntl', arguments: [fd, FCNTL.SETFD, 0] })),
    { name: 'close_range', arguments: [3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC] },
  ],
  landlock: (step, context) => {
    const ruleset = openLandlockRuleset(context, step);
    if (ruleset !== undefined) context.kept.push(ruleset);
    return ruleset === undefined ? [] : [{ name: 'landlock_restrict_self', arguments: [ruleset, 0] }];
  },
  seccomp: (step) => {
    const program = Buffer.from(step.program, 'base64');
    const bytes = Buffer.alloc(16);
    bytes.writeUInt16LE(program.length / 8, 0);
    return [{ name: 'seccomp', arguments: [SECCOMP_SET_MODE_FILTER, 0, { bytes, pointers: { 8: program } }] }];
  },
  execve: (step) =>
    candidatePaths(step.argv[0] ?? '', step.env).map((path): ChildCall => ({
      name: 'execve',
      arguments: [cString(path), step.argv, step.env],
      tolerated: GO_ON_AFTER,
    })),
};

function prctl(...values: number[]): ChildCall {
  return { name: 'prctl', arguments: [...values, 0, 0, 0, 0].slice(0, 5) };
}

/** capset(2) with masks of capability bits. */
function capset(effective: bigint, permitted: bigint, inheritable: bigint): ChildCall {
  return { name: 'capset', arguments: [...capabilitySets(effective, permitted, inheritable)] };
}
