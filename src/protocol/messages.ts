/** What the processes of one container say to each other: one JSON object a line, named speaker and event; pure. */
import type { Plan } from '../plan/step.ts';

/** Descriptors that init is started with. */
export const INIT_READS_FD = 3;
export const INIT_WRITES_FD = 4;

/** From the monitor to init. */
export type MonitorMessage =
  | { readonly event: 'monitor_plan'; readonly plan: Pick<Plan, 'steps'>; readonly trace: boolean }
  /** The plan will want a network of its own, for whose helper there is time until then; to an init that was forked off ahead, before its plan. */
  | { readonly event: 'monitor_wants_network' }
  /** What init has asked for by `init_waits` has been done: one for each, in that order. */
  | { readonly event: 'monitor_done' }
  /** The monitor holds copies of its ends of the payload's stdio. */
  | { readonly event: 'monitor_took_stdio' }
  /** The user of `exec` has typed the detach keys: the payload goes on without them. */
  | { readonly event: 'monitor_leaves' };

/** What init waits for when it has booted. */
export function planMessage(plan: Pick<Plan, 'steps'>, trace: boolean): MonitorMessage {
  return { event: 'monitor_plan', plan: { steps: plan.steps }, trace };
}

/** A step that failed, with all that an error message needs. */
export interface StepFailure {
  /** Place in `plan.steps`. */
  readonly index: number;
  readonly syscall: string;
  readonly errno: string;
  /** What the failing call was about, such as a path. */
  readonly detail: string;
}

/** What the monitor does for init, in the order in which it is asked. */
export type WaitedFor = 'network' | 'networks' | 'ports' | 'rate' | 'rootfs' | 'cgroup';

/** From init to the monitor. */
export type InitMessage =
  /** `pid` is the host's number for init, read from the host's /proc. */
  | { readonly event: 'init_started'; readonly pid: number }
  /** It is in a network namespace of its own, ahead of the plan. */
  | { readonly event: 'init_has_network' }
  | {
      readonly event: 'init_waits';
      readonly what: WaitedFor;
      readonly helper: readonly string[];
    }
  /**
   * Descriptor numbers in init of the monitor's ends: a terminal, or the pipes; and `executed`, a pipe that ends without a byte in the
   * moment in which execve(2) succeeds, and with one when it fails.
   */
  | { readonly event: 'init_stdio'; readonly terminal: number; readonly executed: number }
  | {
      readonly event: 'init_stdio';
      readonly stdin: number | null;
      readonly stdout: number;
      readonly stderr: number;
      readonly executed: number;
    }
  | { readonly event: 'init_step'; readonly index: number; readonly microseconds: number }
  | { readonly event: 'init_failed'; readonly failure: StepFailure }
  | { readonly event: 'init_executes' }
  /** The payload of `exec` runs; its host pid, or null when it is detached. */
  | { readonly event: 'init_spawned'; readonly pid: number | null }
  /** It has ended: its exit code, or 128 and the number of a signal. */
  | { readonly event: 'init_saw_exit'; readonly code: number };

/** The holder's last word (it is a shell script): how the container ended. */
export interface HolderMessage {
  readonly event: 'holder_exit';
  readonly code: number;
}

/** One line of the status channel, or `text` when it is the words of a failing helper. */
export type StatusLine = InitMessage | HolderMessage | { readonly event: 'text'; readonly text: string };

/** Reads one line of the status channel, on which the chain's programs also print their errors. */
export function parseStatusLine(line: string): StatusLine {
  const exit = /^exit (\d+)$/u.exec(line);
  if (exit !== null) return { event: 'holder_exit', code: Number(exit[1]) };
  if (!line.startsWith('{"event":"init_')) return { event: 'text', text: line };
  return JSON.parse(line) as InitMessage;
}
