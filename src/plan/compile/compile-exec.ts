/** A program more in a running container: the container's spec, with another process in it, becomes a plan. Pure. */
import { isPrivate, type RuntimeSpec } from '../../oci/runtime-spec.ts';
import { checkExecOrder } from '../check/order.ts';
import type { ExecPlan, Join, NamespaceName, Step, Why } from '../step.ts';
import { compileCgroup } from './compile-cgroup.ts';
import { checkMapped, compileKeyring, compileLimits, compileOomScore } from './compile-identity.ts';
import { compileSecurity } from './compile-security.ts';
import type { CompileInput } from './input.ts';

export interface ExecInput extends Pick<CompileInput, 'userNamespaces' | 'architecture'> {
  readonly join: Omit<Join, 'why'>;
  /** Of the container's process 1; see /proc/PID/stat. */
  readonly startTime: string;
  /** The namespaces, besides user and time, in which that process is and the caller is not. */
  readonly namespaces: readonly NamespaceName[];
  readonly stdin: boolean;
  /** Nobody reads its output or waits for its end. */
  readonly detached: boolean;
}

/**
 * Compiles `spec`, whose `process` is the program to run, for a container that is there already. ID_UNMAPPED when its user has no id;
 * SPEC_INVALID for a wrong order, which would be a bug.
 */
export function compileExec(spec: RuntimeSpec, input: ExecInput): ExecPlan {
  checkMapped(spec, input);
  const plan: ExecPlan = {
    version: 1,
    join: {
      ...input.join,
      why: hutch(
        'Node starts outside of all that the container controls: no file of it is loaded, and no process in it sees Node',
      ),
    },
    steps: [...preparation(spec, input), ...child(spec, input)],
  };
  checkExecOrder(plan);
  return plan;
}

function preparation(spec: RuntimeSpec, input: ExecInput): Step[] {
  const { cwd } = spec.process;
  return [
    {
      kind: 'become_root',
      clearGroups: input.userNamespaces[0].writer !== 'self',
      why: hutch('root of the user namespace may join the others; groups of the host user are dropped'),
    },
    ...compileOomScore(spec),
    ...compileCgroup(spec, { existing: true }),
    {
      kind: 'join_namespaces',
      pid: input.join.pid,
      startTime: input.startTime,
      namespaces: input.namespaces,
      why: {
        spec: 'linux.namespaces',
        text: "the container's own, all at once; only a child will be in its pid namespace",
      },
    },
    { kind: 'open_root', at: '/', why: { spec: 'root.path', text: 'the root is that of the container from here on' } },
    stdio(spec, input),
    {
      kind: 'change_directory',
      target: cwd,
      mustExist: true,
      why: { spec: 'process.cwd', text: 'the working directory, proved to lie inside' },
    },
    compileKeyring(spec),
  ];
}

function stdio({ process }: RuntimeSpec, { stdin, detached }: ExecInput): Step {
  const { user, terminal } = process;
  const text = terminal
    ? "another terminal of the container's own devpts: typing into the user's terminal is impossible"
    : detached
      ? 'nobody reads what a detached program prints'
      : "pipes, never the caller's own files or terminal";
  return {
    kind: 'stdio',
    terminal,
    stdin,
    uid: user.uid,
    gid: user.gid,
    besides: detached ? 'none' : 'connected',
    why: { spec: 'process.terminal', text },
  };
}

/** What the child does. Nothing here runs JavaScript. */
function child(spec: RuntimeSpec, input: ExecInput): Step[] {
  const { terminal } = spec.process;
  return [
    {
      kind: 'fork',
      // In the host's pid namespace nothing else would end it with the container.
      attached: !input.detached || !input.namespaces.includes('pid'),
      why: hutch(
        'only a child can be in the pid namespace; it is a copy that never runs Node, and is there for moments',
      ),
    },
    { kind: 'setsid', why: hutch('a session of its own') },
    ...(terminal
      ? [{ kind: 'take_terminal' as const, why: { spec: 'process.terminal', text: 'keys such as Ctrl-C reach it' } }]
      : []),
    ...(isPrivate(spec, 'time')
      ? [
          {
            kind: 'join_time_namespace' as const,
            why: { spec: 'linux.namespaces', text: 'the clocks of the container' },
          },
        ]
      : []),
    ...compileLimits(spec),
    ...compileSecurity(spec, input).map((step) => (step.kind === 'execve' ? { ...step, why: program } : step)),
  ];
}

const program: Why = { spec: 'process.args', text: 'the program takes the place of the child' };

function hutch(text: string): Why {
  return { spec: 'hutch', text };
}
