/** What the steps of one plan share while init runs them, and how they fail; in init. */
import type { Meanwhile } from '../plan/step.ts';
import type { InitMessage, MonitorMessage, StepFailure } from '../protocol/messages.ts';
import { SyscallError } from '../syscall/syscall-error.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import type { Root } from './root.ts';

export interface Ears {
  readonly syscalls: Syscalls;
  readonly say: (message: InitMessage) => void;
  readonly hear: () => MonitorMessage | undefined;
  readonly trace: boolean;
  /**
   * This process was forked off the CLI and has executed nothing since, so that what it may be looked into by is decided in the host's user namespace
   * (ptrace(2), dumpable): it has to stay open to the monitor, and is to nobody in a container.
   */
  readonly isForked: boolean;
  /** The network namespace of the plan is made already. */
  readonly hasNetwork: boolean;
}

/** What steps hand on to later steps; descriptors never leave this process. */
export interface Context extends Ears {
  root: Root | undefined;
  emptyDirectory: number | undefined;
  nullDevice: number | undefined;
  stdioTaken: boolean;
  /** Write end of the pipe by which execve(2) tells the monitor that it has succeeded: it closes. */
  executed: number | undefined;
  /** The other ends of the payload's stdio, which the monitor copies. */
  monitorEnds: readonly number[];
  /** A pid descriptor of process 1 of the container that was joined. */
  container: number | undefined;
  /** How much of what the monitor was asked for has not been waited for. */
  asked: number;
  /** Set when the filter is on: from then on nothing else may be called. */
  last: ReturnType<Syscalls['prepareLastCalls']> | undefined;
}

/** Thrown by a step that knows more than the system call's name: what the call was about. */
export class StepError extends Error {
  readonly failure: Omit<StepFailure, 'index'>;
  constructor(failure: Omit<StepFailure, 'index'>) {
    super(failure.detail);
    this.failure = failure;
  }
}

export function failureOf(error: unknown): Omit<StepFailure, 'index'> {
  if (error instanceof StepError) return error.failure;
  if (error instanceof SyscallError) return { syscall: error.syscall, errno: error.code, detail: '' };
  const node = error as NodeJS.ErrnoException;
  const isSystemError = node.syscall !== undefined;
  return {
    syscall: node.syscall ?? 'hutch',
    errno: node.code ?? 'EINVAL',
    detail: node.path ?? (isSystemError ? '' : node.message),
  };
}

/** Does `work`; a failing system call is reported together with what it was about. */
export function about<T>(detail: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof StepError) throw error;
    const failure = failureOf(error);
    throw new StepError({ ...failure, detail: failure.detail === '' ? detail : failure.detail });
  }
}

export function rootOf(context: Context): Root {
  if (context.root === undefined) throw new Error('no step has opened the root');
  return context.root;
}

/** Asks the monitor for something. Unless the steps that follow can do without, waits until all is done that it was asked for. */
export function ask(
  context: Context,
  message: Omit<Extract<InitMessage, { event: 'init_waits' }>, 'event'>,
  { meanwhile }: Meanwhile,
): void {
  context.say({ event: 'init_waits', ...message });
  context.asked += 1;
  if (meanwhile !== true) awaitMonitor(context);
}

/** Waits until the monitor has done all that it was asked for. */
export function awaitMonitor(context: Context): void {
  hearUntil(context, () => context.asked === 0, 'monitor_done');
}

/** Waits until the monitor holds its ends of the payload's stdio. */
export function awaitStdio(context: Context): void {
  hearUntil(context, () => context.stdioTaken, 'monitor_took_stdio');
}

/** Either answer may come first, as neither is waited for at once. */
function hearUntil(context: Context, isEnough: () => boolean, wanted: MonitorMessage['event']): void {
  while (!isEnough()) {
    const event = context.hear()?.event;
    if (event === 'monitor_took_stdio') context.stdioTaken = true;
    else if (event === 'monitor_done' && context.asked > 0) context.asked -= 1;
    else throw new StepError({ syscall: 'read', errno: 'EPIPE', detail: `the monitor ended before it said ${wanted}` });
  }
}
