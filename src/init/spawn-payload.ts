/** The step `fork` and all that follow it: a program more in a running container. In init, which stays outside of its pid namespace. */
import { closeSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { errnoOf } from '../errors/hutch-error.ts';
import { CLONE_VFORK, PR } from '../linux/flags.ts';
import type { Plan, Step } from '../plan/step.ts';
import { INIT_READS_FD, type StepFailure } from '../protocol/messages.ts';
import { spawnChild, type ChildCall, type Spawned } from '../syscall/child.ts';
import { errnoName } from '../syscall/syscall-error.ts';
import { awaitStdio, failureOf, type Context } from './context.ts';
import { childCalls, type ChildContext } from './child-steps.ts';
import { verdictOf } from './process-steps.ts';

const HIGHEST_FD = 0xffff_ffff;

/** A call of the child, and the place in the plan of the step that it belongs to. */
interface PlacedCall {
  readonly call: ChildCall;
  readonly index: number;
}

/**
 * Makes the child that does the steps behind `at`, and says what becomes of it. Attached, it waits for its end; when the monitor is gone
 * before, it kills it. Returns the exit code of this process.
 */
export function spawnPayload(context: Context, { steps }: Pick<Plan, 'steps'>, at: number): number {
  const fork = steps[at] as Step<'fork'>;
  let calls: readonly PlacedCall[] = [];
  let place = at;
  const fail = (failure: StepFailure): number => {
    context.say({ event: 'init_failed', failure });
    return 125;
  };
  try {
    awaitStdio(context);
    const terminal = keptTerminal(context, steps, fork);
    for (const fd of context.monitorEnds) if (fd !== terminal) context.syscalls.close(fd);
    const child: ChildContext = { ...context, attached: fork.attached, kept: [context.container ?? HIGHEST_FD] };
    const own = steps.slice(at + 1).flatMap((step, offset) => {
      place = at + 1 + offset;
      return childCalls(step, child).map((call) => ({ call, index: place }));
    });
    place = at;
    // From here on the monitor's end is seen by its channel. A user who detaches is quicker than the return from the spawn may be: hutch is
    // gone then, and must not take this process along.
    if (fork.attached) context.syscalls.prctl(PR.SET_PDEATHSIG, 0);
    calls = [...beginning(child).map((call) => ({ call, index: at })), ...own];
    const spawned = spawnChild(calls.map(({ call }) => call));
    if (!fork.attached || !spawned.executed) context.syscalls.waitpid(spawned.pid);
    if (!spawned.executed) {
      return fail(failureIn(calls, spawned, steps));
    }
    if (fork.attached) attend(context, spawned.pid, terminal);
    else context.say({ event: 'init_spawned', pid: null });
    return 0;
  } catch (error) {
    return fail({ index: place, ...failureOf(error) });
  }
}

/**
 * Detached, the child makes a child of its own and ends: orphans in a pid namespace belong to its process 1, so the payload is no business of
 * anybody outside, least of all of one who never collects it and so keeps the container from ending.
 */
function beginning({ kept, attached }: ChildContext): ChildCall[] {
  const flags = CLONE_VFORK | constants.signals.SIGCHLD;
  const again: ChildCall[] = attached ? [] : [{ name: 'clone', arguments: [flags], handsOver: true }];
  return [...closeAllBut(kept), ...again];
}

/**
 * The child's first calls: it keeps its stdio and `kept`. Here those others must stay open, as Node's own are among them, and Node ends itself
 * when it cannot wake its threads.
 */
function closeAllBut(kept: readonly number[]): ChildCall[] {
  const ends = [2, ...kept.toSorted((a, b) => a - b)];
  return ends
    .map((fd, index) => [fd + 1, (ends[index + 1] ?? HIGHEST_FD + 1) - 1] as const)
    .filter(([first, last]) => first <= last)
    .map(([first, last]) => ({ name: 'close_range', arguments: [first, last, 0] }));
}

function failureIn(calls: readonly PlacedCall[], { results }: Spawned, steps: readonly Step[]): StepFailure {
  const last = calls[results.length - 1];
  if (last === undefined || (results.at(-1) ?? 0) >= 0)
    return { index: last?.index ?? 0, syscall: 'clone', errno: 'ESRCH', detail: 'the child was killed' };
  const { call, index } = last;
  const step = steps[index];
  if (step?.kind !== 'execve')
    return { index, syscall: call.name, errno: errnoName(-(results.at(-1) ?? 0)), detail: detailOf(step) };
  const errno = verdictOf(results.filter((_, at) => calls[at]?.index === index).map((result) => -result));
  return { index: -1, syscall: 'execve', errno: errnoName(errno), detail: step.argv[0] ?? '' };
}

/** As the interpreter words it for the same steps. */
function detailOf(step: Step | undefined): string {
  if (step?.kind === 'set_rlimit') return step.resource;
  return step?.kind === 'set_user' ? `${String(step.uid)}:${String(step.gid)}` : '';
}

/** The terminal is read here when the monitor leaves. The ends of pipes are its alone: their reader's end is what a writer notices. */
function keptTerminal(
  { monitorEnds }: Context,
  steps: readonly Step[],
  { attached }: Step<'fork'>,
): number | undefined {
  return attached && steps.some((step) => step.kind === 'stdio' && step.terminal) ? monitorEnds[0] : undefined;
}

/**
 * Waits for the payload's end, and tells it; or for the monitor's, and ends the payload; or, when the monitor says that it leaves, for the container's.
 * Nothing of the payload's stdio stays open here but the other end of its terminal.
 */
function attend(context: Context, pid: number, terminal: number | undefined): void {
  const { syscalls, say } = context;
  for (const fd of [0, 1, 2]) syscalls.close(fd);
  say({ event: 'init_spawned', pid });
  const payload = syscalls.pidfd_open(pid);
  const [hasEnded] = syscalls.pollReadable([payload, INIT_READS_FD]);
  if (hasEnded === true) {
    say({ event: 'init_saw_exit', code: syscalls.waitpid(pid) });
    return;
  }
  if (context.hear()?.event === 'monitor_leaves') stayWith(context, payload, terminal);
  // Its end, or that of the container or of hutch; without a pid namespace only we tell it of those.
  syscalls.kill(pid, constants.signals.SIGKILL);
  syscalls.waitpid(pid);
}

/** A descriptor that poll(2) passes over. */
const NONE = -1;

/**
 * Stays until the payload has ended and its terminal is closed, or the container has ended. Reads what nobody reads any more, so that the writer
 * goes on.
 */
function stayWith({ syscalls, container = NONE }: Context, payload: number, terminal = NONE): void {
  const left = { payload, terminal };
  while (left.payload !== NONE || left.terminal !== NONE) {
    const [isOver, hasEnded, isWritten] = syscalls.pollReadable([container, left.payload, left.terminal]);
    if (isOver === true) return;
    if (hasEnded === true) left.payload = NONE;
    if (isWritten === true && !readAway(terminal)) {
      closeSync(terminal);
      left.terminal = NONE;
    }
  }
}

/**
 * False when the other side of the terminal is closed: EIO. As long as hutch is on its way out it may be quicker to read, and has made the
 * terminal one that does not wait: then there is nothing, EAGAIN.
 */
function readAway(terminal: number): boolean {
  try {
    return readSync(terminal, Buffer.allocUnsafe(65_536)) > 0;
  } catch (error) {
    return errnoOf(error) === 'EAGAIN';
  }
}
