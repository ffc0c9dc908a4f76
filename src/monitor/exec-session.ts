/** A program more in a running container, from its start to its end, as seen from the host's side; in the CLI process. */
import { constants } from 'node:os';
import { joinBeside } from '../drivers/cgroup/join-beside.ts';
import { besideLeaf } from '../drivers/cgroup/subtree.ts';
import { HutchError } from '../errors/hutch-error.ts';
import type { UserNamespace } from '../linux/id-map.ts';
import type { ExecPlan } from '../plan/step.ts';
import { planMessage, type StatusLine, type StepFailure } from '../protocol/messages.ts';
import type { CgroupRecord } from '../state/container-state.ts';
import { openSyscalls, type Syscalls } from '../syscall/syscalls.ts';
import type { LaunchChain } from '../userns/launch-chain.ts';
import { enteringFailed } from '../userns/namespaces-failed.ts';
import { launch, type Launched } from './launch.ts';
import { hearSignals } from './signals.ts';
import { stepFailed } from './step-failed.ts';
import { LocalClient } from './local-client.ts';
import { QuietWatch } from './quiet-watch.ts';
import { fetchEnds, StreamHub, type StdioMessage } from './stream-hub.ts';
import { unlessGone } from './unless-gone.ts';

export interface ExecSession {
  /** Called once, while init boots. */
  readonly draft: () => ExecPlan;
  readonly chain: LaunchChain;
  readonly userNamespace: UserNamespace;
  /** Of the container; null without one. */
  readonly cgroup: CgroupRecord | null;
  /** Host pid of the container's process 1. */
  readonly containerPid: number;
  /** Connect the caller's stdin. */
  readonly interactive: boolean;
  readonly terminal: boolean;
  /** None: nothing detaches. */
  readonly detachKeys: Buffer;
  /** Leave as soon as the payload runs. */
  readonly detached: boolean;
}

/** A program that has ended may have left others that hold its pipes: this long nothing has come from them. */
const QUIET_MS = 100;

/**
 * Carries the plan out. Attached, it connects the payload's stdio to this process, forwards signals, and returns its exit code (128 + n after
 * signal n), or 'left' as soon as the detach keys are typed: the payload goes on. Detached, it returns 'left' when the payload runs. STEP_FAILED,
 * COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, USERNS_FAILED.
 */
export async function superviseExec(session: ExecSession): Promise<number | 'left'> {
  let bound: Syscalls | undefined;
  const syscalls = (): Syscalls => (bound ??= openSyscalls());
  const { chain, userNamespace } = session;
  const launched = await launch({ chain, userNamespace, syscalls });
  const plan = await draftOrEnd(session, launched);
  const life = new ExecLife({ ...session, plan }, launched, syscalls);
  using _signals = hearSignals((signal) => {
    life.passOn(signal);
  });
  launched.send(planMessage(plan, false));
  syscalls().unblockSignals();
  const ended = launched.listen((line) => {
    life.hear(line);
  });
  const end = await Promise.race([ended.then(() => 'ended'), life.detached]);
  if (end === 'ended') await life.settled();
  await life.end();
  if (end === 'detached') return 'left';
  const code = life.exitCode();
  return session.detached ? 'left' : code;
}

async function draftOrEnd({ draft }: ExecSession, launched: Launched): Promise<ExecPlan> {
  try {
    return draft();
  } catch (error) {
    launched.kill();
    await launched.listen(() => undefined);
    throw error;
  }
}

type Carried = Pick<ExecSession, 'interactive' | 'terminal' | 'detachKeys' | 'detached' | 'cgroup' | 'containerPid'> & {
  readonly plan: ExecPlan;
};

class ExecLife {
  payloadPid: number | undefined;
  /** Resolves when init, which goes on, has been told that we leave: the payload shall run without us, or the user has typed the detach keys. */
  readonly detached: Promise<'detached'>;
  private readonly leave: () => void;
  private isSpawned = false;
  private readonly hub = new StreamHub();
  private readonly quiet = new QuietWatch(this.hub);
  private readonly client: LocalClient;
  private drained: Promise<void> | undefined;
  private initPid = 0;
  private code: number | undefined;
  private aborted: number | undefined;
  private held: NodeJS.Signals | undefined;
  private failure: Error | undefined;
  private readonly words: string[] = [];
  private readonly session: Carried;
  private readonly launched: Launched;
  private readonly syscalls: () => Syscalls;

  constructor(session: Carried, launched: Launched, syscalls: () => Syscalls) {
    this.session = session;
    this.launched = launched;
    this.syscalls = syscalls;
    const { promise, resolve } = Promise.withResolvers<'detached'>();
    this.detached = promise;
    this.client = new LocalClient({
      syscalls,
      payload: this.hub,
      stdin: session.interactive,
      terminal: session.terminal,
      detachKeys: session.detachKeys,
      onDetach: () => {
        this.leave();
      },
    });
    this.leave = () => {
      launched.send({ event: 'monitor_leaves' });
      resolve('detached');
    };
  }

  /** Resolves when all that was written is out, or nothing comes any more. */
  async settled(): Promise<void> {
    if (this.drained !== undefined) await this.quiet.settled(this.drained, QUIET_MS);
  }

  /** Gives the user's streams back. */
  async end(): Promise<void> {
    this.hub.disconnect();
    await this.client.end();
  }

  hear(line: StatusLine): void {
    try {
      this.handle(line);
    } catch (error) {
      this.failure ??= error as Error;
      this.launched.kill();
    }
  }

  /**
   * A signal that comes before the payload runs ends everything. Between the last preparations and the news that it runs it may be running: the
   * first signal waits for that news.
   */
  passOn(signal: NodeJS.Signals): void {
    if (this.payloadPid !== undefined) this.send(this.payloadPid, signal);
    else if (this.drained !== undefined && this.held === undefined) this.held = signal;
    else this.abort(signal);
  }

  private abort(signal: NodeJS.Signals): void {
    this.aborted = 128 + constants.signals[signal];
    this.launched.kill();
  }

  private send(pid: number, signal: NodeJS.Signals): void {
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended: its exit code is on the way.
    }
  }

  exitCode(): number {
    if (this.failure !== undefined) throw this.failure;
    if (this.aborted !== undefined) return this.aborted;
    if (!this.isSpawned) throw enteringFailed(this.words.join('; '));
    // Without a word of its end the helper was killed, and has taken the payload along.
    return this.code ?? (this.payloadPid === undefined ? 0 : 137);
  }

  private handle(line: StatusLine): void {
    if (line.event === 'init_started') this.initPid = line.pid;
    else if (line.event === 'init_waits') void this.joinCgroup();
    else if (line.event === 'init_stdio') {
      this.takeStdio(line);
      this.launched.send({ event: 'monitor_took_stdio' });
    } else if (line.event === 'init_spawned') {
      this.isSpawned = true;
      this.leaveLeaf();
      this.payloadPid = line.pid ?? undefined;
      if (this.held !== undefined && this.payloadPid !== undefined) this.send(this.payloadPid, this.held);
      if (this.session.detached && line.pid !== null) this.leave();
    }
    if (line.event === 'init_saw_exit') this.code = line.code;
    else if (line.event === 'init_failed') this.hearFailure(line.failure);
    else if (line.event === 'text') this.words.push(line.text);
  }

  private async joinCgroup(): Promise<void> {
    const { cgroup, containerPid } = this.session;
    try {
      if (cgroup !== null) await joinBeside(cgroup, containerPid, this.initPid);
      this.launched.send({ event: 'monitor_done' });
    } catch (error) {
      this.failure ??= error as Error;
      this.launched.kill();
    }
  }

  /** Init, which is a Node, goes to the helpers: what it needs is not the payload's to pay for. */
  private leaveLeaf(): void {
    const { cgroup } = this.session;
    if (cgroup !== null) besideLeaf(cgroup, this.initPid);
  }

  /** Copies our ends out of init. Source: pidfd_getfd(2). */
  private takeStdio(message: StdioMessage): void {
    const syscalls = this.syscalls();
    for (const client of [this.quiet, this.client]) this.hub.attach(client);
    const gone = unlessGone(this.initPid, () => {
      const pidfd = syscalls.pidfd_open(this.initPid);
      try {
        this.drained = this.hub.connect(
          syscalls,
          fetchEnds(message, (fd) => syscalls.pidfd_getfd(pidfd, fd)),
        );
      } finally {
        syscalls.close(pidfd);
      }
    });
    if (gone === undefined) return;
    this.words.push(gone);
    this.launched.kill();
  }

  /** What init says about its own end explains what the monitor has met meanwhile, such as a process that is gone. */
  private hearFailure(failure: StepFailure): void {
    if (this.failure instanceof HutchError) return;
    this.failure = stepFailed(this.session.plan, failure) ?? enteringFailed(JSON.stringify(failure));
  }
}
