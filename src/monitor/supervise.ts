/** One life of a container, from its start to its end, as seen from the host's side: the monitor's work. */
import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { HutchError } from '../errors/hutch-error.ts';
import { identifyProcess } from '../host/process-identity.ts';
import type { NetworkRate } from '../plan/network-rate.ts';
import type { Plan } from '../plan/step.ts';
import { planMessage, type StatusLine, type StepFailure, type WaitedFor } from '../protocol/messages.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import type { LaunchChain } from '../userns/launch-chain.ts';
import { namespacesFailed } from '../userns/namespaces-failed.ts';
import { NetworkKeeper, type NetworkChange } from './network-keeper.ts';
import type { EarlySource } from './first-moment.ts';
import type { ToldInit } from './head-start.ts';
import { awaitMount, dismissMount, mountSource, startMount, type StartedMount } from './root-mount.ts';
import { adopt, checkMaps, launch, type FirstMoment, type Launched } from './launch.ts';
import { stepFailed } from './step-failed.ts';
import { fetchEnds, type StdioMessage, type StreamHub } from './stream-hub.ts';
import { unlessGone } from './unless-gone.ts';

/**
 * What unshare(1) says before it ends with code 1 because SIGKILL has ended its child, up to util-linux 2.38; later ones end
 * by the same signal.
 */
const CHILD_WAS_KILLED = 'unshare: sigprocmask unblock failed';

export interface Supervision {
  readonly plan: Plan;
  /** The chain that makes the namespaces, where no init was forked off ahead. */
  readonly chain: () => LaunchChain;
  /** For files that live for a moment. */
  readonly runDirectory: string;
  readonly headStart: ToldInit | undefined;
  readonly syscalls: () => Syscalls;
  readonly hub: StreamHub;
  /** Nothing but the payload has anything to say for a moment. */
  readonly isLeftAlone: boolean;
  /** Called at once: how to reach into this life from outside. */
  readonly onLife: (life: LifeControl) => void;
  /** Called once, with the payload's host pid, before the first step. */
  readonly onStarted: (pid: number) => void;
  /** Its files are needed when it has ended. */
  readonly isKept: boolean;
  /** Called once, while init works on its plan or executes the payload: time for what has to be done in any case. */
  readonly meanwhile: () => void;
  /** Descriptors at which somebody may call who is heard then, and not before. */
  readonly callers: () => readonly number[];
  /** Called once: the process's events are heard from now on. */
  readonly onLasting: () => void;
  /** What the network is to be held to by now. */
  readonly rates: () => readonly NetworkRate[];
  /** Called when the network helper runs, has died, runs again. */
  readonly onNetwork: (change: NetworkChange) => void;
  /** Called with init's host pid when its plan waits for networks of the user. */
  readonly connectNetworks: (init: number) => Promise<void>;
  /** Called with init's host pid when its plan wants it to be in the container's cgroup. */
  readonly enterCgroup: (init: number) => Promise<void>;
  /** Called when the payload has taken the place of init. */
  readonly onExecuted: () => void;
  /** Called for each step with its time; null measures nothing. */
  readonly onStep: ((index: number, microseconds: number) => void) | null;
}

export interface LifeControl {
  /** The payload's host pid; undefined before it runs. */
  payload(): number | undefined;
  /** Ends everything before the payload runs: the exit code is then 128 and the signal's number. */
  abort(signal: number): void;
  /** Ends everything in any case. */
  kill(): void;
}

/**
 * Starts init, feeds it the plan, serves what it waits for, connects the payload's stdio to the hub.
 * Returns the payload's exit code (128 + n after signal n). STEP_FAILED, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE,
 * USERNS_FAILED, NETWORK_FAILED when the payload never ran. When it returns or throws, no process of the container is left.
 */
export async function supervise(supervision: Supervision): Promise<number> {
  const { syscalls } = supervision;
  const { headStart, plan } = supervision;
  const userNamespace = plan.enter.userNamespaces[0];
  const launched =
    headStart === undefined
      ? await launch({ chain: supervision.chain(), userNamespace, syscalls })
      : adopt(headStart, syscalls);
  const life = new Life(supervision, launched, syscalls);
  supervision.onLife(life);
  if (!launched.isTold) launched.send(planMessage(plan, supervision.onStep !== null));
  // Node was told to leave SIGUSR1 alone, and has blocked it for that.
  syscalls().unblockSignals();
  try {
    await launched.listen((line) => {
      life.hear(line);
    }, life);
    supervision.hub.letTerminalGo();
    await life.drained;
  } finally {
    life.end();
  }
  return life.exitCode();
}

/** What is known of a running container; owns its helper and its stdio. */
class Life implements LifeControl, FirstMoment {
  drained: Promise<unknown> | undefined;
  private payloadPid: number | undefined;
  private hasReplaced = false;
  private readonly network: NetworkKeeper;
  private initPid: number | undefined;
  private code: number | undefined;
  private aborted: number | undefined;
  private failure: Error | undefined;
  private readonly words: string[] = [];
  private served: Promise<void> | undefined;
  private isOver = false;
  private isMeanwhileDone = false;
  private isLasting = false;
  private isCalled = false;
  /** The program that mounts the root and was started before init has asked for it. */
  private earlyMount: StartedMount | undefined;
  /** The same in the first moment, when init waits for it. */
  private briefMount: { readonly started: StartedMount; readonly source: EarlySource } | undefined;
  private executedPipe: (EarlySource & { readonly ended: () => void }) | undefined;
  private readonly supervision: Supervision;
  private readonly launched: Launched;
  private readonly syscalls: () => Syscalls;

  constructor(supervision: Supervision, launched: Launched, syscalls: () => Syscalls) {
    this.supervision = supervision;
    supervision.hub.readEarly();
    this.network = new NetworkKeeper({
      plan: supervision.plan,
      rates: supervision.rates,
      run: supervision.runDirectory,
      early: supervision.headStart?.helper,
      syscalls,
      onChange: supervision.onNetwork,
      onFailure: (error) => {
        this.fail(error);
      },
    });
    this.earlyMount = supervision.headStart?.mount;
    this.launched = launched;
    this.syscalls = syscalls;
  }

  hear(line: StatusLine): void {
    try {
      this.handle(line);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  get isBrief(): boolean {
    const { isLeftAlone, hub } = this.supervision;
    const isAlone = isLeftAlone && !this.isCalled && !hub.needsEvents;
    return isAlone && this.served === undefined && !this.network.hasFailed;
  }

  earlySources(): readonly EarlySource[] {
    const { executedPipe } = this;
    return [...(executedPipe === undefined ? [] : [executedPipe]), ...this.supervision.hub.earlySources()];
  }

  callers(): readonly EarlySource[] {
    const read = (): void => {
      this.isCalled = true;
    };
    const mount = this.briefMount === undefined ? [] : [this.briefMount.source];
    return [...this.supervision.callers().map((fd) => ({ fd, read })), ...mount, ...this.network.earlySources()];
  }

  lasts(): void {
    if (this.isLasting) return;
    this.isLasting = true;
    const { executedPipe: pipe } = this;
    this.executedPipe = undefined;
    if (pipe !== undefined) this.hearExecutedLater(pipe);
    this.supervision.hub.lasts();
    // Init waits for it.
    if (this.briefMount !== undefined) this.serve('rootfs', []);
    this.served ??= this.network.lasts();
    this.supervision.onLasting();
  }

  payload(): number | undefined {
    return this.payloadPid;
  }

  abort(signal: number): void {
    this.aborted = 128 + signal;
    this.launched.kill();
  }

  kill(): void {
    this.launched.kill();
  }

  end(): void {
    this.isOver = true;
    this.supervision.hub.disconnect();
    this.network[Symbol.dispose]();
    const mount = this.takeMount();
    if (mount !== undefined) dismissMount(mount, this.syscalls());
  }

  exitCode(): number {
    if (this.failure !== undefined) throw this.failure;
    if (this.aborted !== undefined) return this.aborted;
    // Whatever code the chain has ended with, it is not the payload's.
    if (this.payloadPid === undefined) throw chainFailed(this.words);
    if (this.code === 1 && this.words.some((text) => text.startsWith(CHILD_WAS_KILLED))) return 137;
    return this.code ?? 137;
  }

  private handle(line: StatusLine): void {
    switch (line.event) {
      case 'init_started':
        this.initPid = line.pid;
        this.checkMaps(line.pid);
        this.supervision.onStarted(line.pid);
        break;
      case 'init_waits':
        this.hearWish(line.what, line.helper);
        break;
      case 'init_stdio':
        this.hearStdio(line);
        break;
      case 'init_step':
        this.supervision.onStep?.(line.index, line.microseconds);
        break;
      case 'init_executes':
        this.payloadPid = this.initPid;
        this.executed();
        break;
      case 'init_failed':
        this.hearFailure(line.failure);
        break;
      case 'holder_exit':
        this.code ??= line.code;
        break;
      case 'init_has_network':
      case 'init_spawned':
      case 'init_saw_exit':
        // Said to others: to who has forked it off, or by the init of exec.
        break;
      case 'text':
        this.words.push(line.text);
    }
  }

  /** Copies the monitor's ends out of init. Source: pidfd_getfd(2). */
  private takeStdio(pid: number, message: StdioMessage): void {
    const syscalls = this.syscalls();
    this.unlessGone(() => {
      const pidfd = syscalls.pidfd_open(pid);
      try {
        const fetch = (fd: number): number => syscalls.pidfd_getfd(pidfd, fd);
        const [executed, ends] = [fetch(message.executed), fetchEnds(message, fetch)];
        const goOn = (): void => {
          this.launched.send({ event: 'monitor_took_stdio' });
        };
        // What a payload writes to pipes waits there; a terminal has its size before anybody can ask for it.
        const isTerminal = 'terminal' in ends;
        if (!isTerminal) goOn();
        const { hub } = this.supervision;
        this.drained = Promise.all([this.hearExecuted(executed), hub.connect(syscalls, ends)]);
        hub.keepTerminal();
        if (isTerminal) goOn();
      } finally {
        syscalls.close(pidfd);
      }
    });
  }

  /** A byte: execve(2) has failed, and why is told elsewhere. An end without one: it has succeeded. */
  private hearExecuted(fd: number): Promise<void> {
    return new Promise((resolve) => {
      const read = (): void => {
        const isEnd = readSync(fd, Buffer.alloc(1)) === 0;
        this.executedPipe = undefined;
        closeSync(fd);
        if (isEnd) this.replaced();
        resolve();
      };
      this.executedPipe = { fd, read, ended: resolve };
      if (this.isLasting) this.hearExecutedLater(this.executedPipe);
    });
  }

  private hearExecutedLater({ fd, ended }: { readonly fd: number; readonly ended: () => void }): void {
    let hasFailed = false;
    const pipe = new Socket({ fd, readable: true, writable: false });
    pipe.on('data', () => (hasFailed = true)).on('error', () => undefined);
    pipe.once('end', () => {
      if (!hasFailed) this.replaced();
    });
    pipe.once('close', ended);
  }

  private replaced(): void {
    this.hasReplaced = true;
    this.executed();
  }

  private meanwhile(): void {
    if (this.isMeanwhileDone) return;
    this.isMeanwhileDone = true;
    this.supervision.meanwhile();
  }

  /** Two channels tell of it, and either may be heard first. */
  private executed(): void {
    if (!this.hasReplaced || this.payloadPid === undefined) return;
    this.network.payloadRuns();
    this.supervision.onExecuted();
  }

  /** What init says about its own end explains what the monitor has met meanwhile, such as a process that is gone. */
  private hearFailure(failure: StepFailure): void {
    if (this.failure instanceof HutchError) return;
    this.failure = stepFailed(this.supervision.plan, failure) ?? chainFailed([JSON.stringify(failure)]);
  }

  private checkMaps(pid: number): void {
    const [outer, nested] = this.supervision.plan.enter.userNamespaces;
    // A nested map is written in terms of the outer namespace, and init is in the nested one.
    if (nested === undefined) this.unlessGone(() => checkMaps(pid, outer));
  }

  private unlessGone(work: () => void): void {
    const gone = unlessGone(this.initPid ?? 0, work);
    if (gone === undefined) return;
    this.words.push(gone);
    this.launched.kill();
  }

  private hearStdio(line: StdioMessage): void {
    // A payload may fill the disk as soon as it runs.
    if (this.supervision.isKept) this.meanwhile();
    this.takeStdio(this.initPid ?? 0, line);
    this.meanwhile();
  }

  private hearWish(what: WaitedFor, helper: readonly string[]): void {
    if (this.startsBriefly(what, helper)) return;
    this.serve(what, helper);
    this.meanwhile();
  }

  /** One after the other: ports belong to a helper that runs, and helpers into the container's cgroup. */
  private serve(what: WaitedFor, helper: readonly string[]): void {
    this.served ??= this.network.lasts();
    const work = async (): Promise<void> => {
      if (this.isOver || this.failure !== undefined || this.aborted !== undefined) return;
      try {
        await this.do(what, helper);
        this.launched.send({ event: 'monitor_done' });
      } catch (error) {
        this.hearHelper(error as Error);
      }
    };
    // The first is begun at once: a helper takes longer than anything else.
    const before = this.served;
    this.served = before === undefined ? work() : before.then(work);
  }

  /** A helper of which nothing is to be heard for a moment but that it is ready. */
  private startsBriefly(what: WaitedFor, helper: readonly string[]): boolean {
    if (!this.isBrief) return false;
    const ready = (): void => {
      this.launched.send({ event: 'monitor_done' });
    };
    if (what === 'network') return this.network.startEarly(helper, this.initPid ?? 0, ready);
    if (what !== 'rootfs') return false;
    const started = this.startedMount(helper);
    const ended = (failure: HutchError | undefined): void => {
      this.briefMount = undefined;
      if (failure === undefined) ready();
      else this.hearHelper(failure);
    };
    this.briefMount = { started, source: mountSource(started, this.syscalls(), ended) };
    return true;
  }

  private async do(what: WaitedFor, helper: readonly string[]): Promise<void> {
    if (what === 'cgroup') await this.supervision.enterCgroup(this.initPid ?? 0);
    else if (what === 'rootfs') await this.mountRoot(helper);
    else if (what === 'ports') await this.network.publishPorts();
    else if (what === 'rate') await this.network.limit(this.initPid ?? 0);
    else if (what === 'networks') await this.supervision.connectNetworks(this.initPid ?? 0);
    else await this.network.start(helper, this.initPid ?? 0);
  }

  /** Init works meanwhile, and when it has failed, its helpers do: what it says itself is the reason then. */
  private hearHelper(error: Error): void {
    // It was ended with the rest.
    if (this.aborted !== undefined) return;
    if (identifyProcess(this.initPid ?? 0) === undefined) this.words.push(error.message);
    else this.fail(error);
  }

  private mountRoot(helper: readonly string[]): Promise<void> {
    return awaitMount(this.startedMount(helper), this.syscalls());
  }

  /** The one that was started already, or a new one. */
  private startedMount(helper: readonly string[]): StartedMount {
    const becomesRoot = this.supervision.plan.enter.userNamespaces[0].writer === 'parent';
    return this.takeMount() ?? startMount(helper, { holder: this.launched.holder(), becomesRoot });
  }

  private takeMount(): StartedMount | undefined {
    const started = this.briefMount?.started ?? this.earlyMount;
    this.briefMount = undefined;
    this.earlyMount = undefined;
    return started;
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.launched.kill();
  }
}

function chainFailed(words: readonly string[]): HutchError {
  return namespacesFailed(words.length === 0 ? 'its helpers ended without a word' : words.join('; '));
}
