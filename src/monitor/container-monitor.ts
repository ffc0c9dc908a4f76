/** The monitor of one container: its lives, its end, and what others ask of it meanwhile; on the host's side. */
import { constants } from 'node:os';
import { join } from 'node:path';
import { exitCodeOf } from '../errors/exit-codes.ts';
import { HutchError } from '../errors/hutch-error.ts';
import type { ProcessIdentity } from '../host/process-identity.ts';
import type { Plan } from '../plan/step.ts';
import type { ControlRequest } from '../protocol/control.ts';
import { containerDirectory, type ContainerRecord } from '../state/container-record.ts';
import { nameMonitor, isNamedMonitor } from './monitor-title.ts';
import { noteLife, recordNow } from './note-life.ts';
import { readJsonFile } from '../state/json-file.ts';
import type { NetworkAttachment } from '../state/network-record.ts';
import { leaveRunning } from '../state/running-list.ts';
import type { Store } from '../state/store.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { chainFor } from './chain-for.ts';
import { cgroupStep, ContainerCgroup } from './container-cgroup.ts';
import type { ContainerNetworks } from './container-networks.ts';
import { ControlServer, type Controls } from './control-server.ts';
import { dropContainer } from './drop-container.ts';
import { followResolver } from './follow-resolver.ts';
import { execProbe } from './health-probe.ts';
import { HealthWatch } from './health-watch.ts';
import { openJoined, watchJoined } from './joined-network.ts';
import { LogWriter } from './log-writer.ts';
import { prepareAgain } from './prepare-again.ts';
import { writePidFile } from './pid-file.ts';
import { guessOf, rememberGuess, type ToldInit } from './head-start.ts';
import { Backoff, shallRestart } from './restart-policy.ts';
import { hearSignals } from './signals.ts';
import { StateKeeper } from './state-keeper.ts';
import { StreamHub } from './stream-hub.ts';
import { supervise, type LifeControl } from './supervise.ts';

export interface MonitorOptions {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly plan: Plan;
  /** This process. */
  readonly identity: ProcessIdentity;
  readonly syscalls: () => Syscalls;
  readonly headStart?: ToldInit | undefined;
  /** It was made for this start: when it cannot be started, it goes. */
  readonly isNew: boolean;
  /** Init is there, for the first time. */
  readonly onStarted?: (() => void) | undefined;
  /** While init works on its plan or executes the payload, once: what else has to be written. */
  readonly meanwhile?: (() => void) | undefined;
  /** The payload runs, for the first time. */
  readonly onRunning: () => void;
  readonly onStep: ((index: number, microseconds: number) => void) | null;
  /** A signal to this process; by default it goes to the payload. */
  readonly hearSignal?: ((signal: NodeJS.Signals) => boolean) | undefined;
  /** Nothing comes from the user but signals, whether they look on or have gone. */
  readonly isLeftAlone?: boolean;
  /** The log is kept from the first byte; otherwise from startLog() on. */
  readonly isLogged: boolean;
}

const KILL = constants.signals.SIGKILL;

/** Where a container's log lies. */
export function logPath(store: Store, id: string): string {
  return join(containerDirectory(store, id), 'log');
}

export class ContainerMonitor implements Controls {
  readonly hub = new StreamHub();
  readonly terminal: boolean;
  readonly interactive: boolean;
  readonly stdinOnce: boolean;
  private readonly options: MonitorOptions;
  private readonly keeper: StateKeeper;
  private readonly server: ControlServer;
  private readonly backoff = new Backoff();
  private readonly cgroup: ContainerCgroup;
  private life: LifeControl | undefined;
  private networks: ContainerNetworks | undefined;
  private health: HealthWatch | undefined;
  private hasRun = false;
  private isListening = false;
  private failure: unknown;
  private interrupts = 0;
  private endPause: (() => void) | undefined;
  private killTimer: NodeJS.Timeout | undefined;
  private whenAttached: (() => void) | undefined;

  constructor(options: MonitorOptions) {
    const { store, record, identity, syscalls } = options;
    this.options = options;
    this.terminal = record.terminal;
    this.interactive = record.interactive;
    this.stdinOnce = record.stdinOnce;
    this.keeper = new StateKeeper(store, record, identity);
    this.cgroup = new ContainerCgroup(record, {
      onMemoryKills: (count) => {
        noteLife(store, 'oom', record, { processes: String(count) });
      },
    });
    this.server = new ControlServer(store, record.id, { syscalls, controls: this });
    if (!options.isNew) this.keeper.takeOver();
    if (options.isLogged) this.startLog();
  }

  /**
   * Sees the container through all its lives and returns the exit code of the last one. Throws, as supervise(), when the first cannot be
   * started: the container is then what it was before. With --rm it is removed in both cases.
   */
  async live(): Promise<number> {
    // Never given back: this process ends with the container.
    hearSignals((signal) => {
      this.hearSignal(signal);
    });
    try {
      const code = await this.lives();
      this.keeper.finished();
      await this.end(code, this.options.record.removeAtExit);
      return code;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.keeper.notStarted(reason);
      await this.end(exitCodeOf(error), this.options.isNew, reason);
      throw error;
    }
  }

  /** Resolves when a client has attached itself. */
  clientAttached(): Promise<void> {
    return new Promise((resolve) => (this.whenAttached = resolve));
  }

  /** Answers clients from now on; otherwise they can connect as soon as init works on its plan. */
  listen(): void {
    this.open();
    this.server.serve();
  }

  private open(): void {
    this.isListening = true;
    this.server.open();
  }

  startLog(): void {
    const { store, record } = this.options;
    if (record.log.driver === 'none' || this.hub.log !== null) return;
    this.hub.log = new LogWriter(logPath(store, record.id), record.log);
  }

  attached(): void {
    noteLife(this.options.store, 'attach', this.options.record);
    this.whenAttached?.();
  }

  renamed(): void {
    const { store, record } = this.options;
    const { name } = recordNow(store, record);
    if (isNamedMonitor()) nameMonitor(name);
    this.networks?.renamed(name).catch(() => undefined);
  }

  signal(signal: number, by = 'a command'): void {
    noteLife(this.options.store, 'kill', this.options.record, { signal: String(signal), by });
    this.send(signal);
  }

  stop({ signal, timeoutSeconds, by = 'a command' }: Extract<ControlRequest, { request: 'stop' }>): void {
    const { store, record } = this.options;
    noteLife(store, 'stop', record, { signal: String(signal ?? record.stopSignal), by });
    this.keeper.stopping();
    this.endPause?.();
    this.send(signal ?? record.stopSignal);
    // A process that is held hears no signal but SIGKILL.
    this.cgroup.letGo();
    this.killIn(timeoutSeconds ?? record.stopTimeoutSeconds);
  }

  async hold(isHeld: boolean): Promise<void> {
    await this.cgroup.hold(isHeld);
    this.health?.hold(isHeld);
    this.keeper.paused(isHeld);
  }

  connect(attachment: NetworkAttachment): Promise<void> {
    return this.connectedNetworks().connect(attachment);
  }

  disconnect(network: string): Promise<void> {
    return this.connectedNetworks().disconnect(network);
  }

  private connectedNetworks(): ContainerNetworks {
    if (this.networks !== undefined) return this.networks;
    throw new HutchError('the container is between two lives', {
      code: 'CONTAINER_STOPPED',
      hint: 'try again in a moment',
    });
  }

  private async lives(): Promise<number> {
    for (;;) {
      const startMs = Date.now();
      const code = await this.oneLife();
      const { isStopped, restartCount } = this.keeper.state;
      if (!this.hasRun) return code;
      if (!shallRestart(this.options.record.restart, { code, isStopped, restartCount })) return code;
      this.keeper.restarting();
      await this.pause(this.backoff.next(Date.now() - startMs));
      if (this.keeper.state.isStopped) return code;
      noteLife(this.options.store, 'restart', this.options.record);
    }
  }

  private async oneLife(): Promise<number> {
    try {
      const code = await this.supervised();
      if (this.failure !== undefined) throw this.failure as Error;
      this.keeper.ended(code, null, await this.cgroup.endLife(), await this.cgroup.stoppedScope());
      return code;
    } catch (error) {
      if (!this.hasRun || !(error instanceof HutchError)) throw this.cgroup.explain(error);
      // It has run before: its policy decides whether it is tried again.
      this.keeper.ended(exitCodeOf(error), error.message, await this.cgroup.endLife());
      return exitCodeOf(error);
    } finally {
      this.health?.[Symbol.dispose]();
      clearTimeout(this.killTimer);
      this.life = undefined;
      this.networks?.[Symbol.dispose]();
      this.networks = undefined;
    }
  }

  private async supervised(): Promise<number> {
    const { record, onStep, syscalls, store } = this.options;
    const headStart = this.hasRun ? undefined : this.options.headStart;
    const plan = this.planNow();
    if (this.hasRun) await prepareAgain(store, record.id, plan);
    using later = new DisposableStack();
    using joined = openJoined(store, plan);
    using _watch = joined === undefined ? undefined : watchJoined(joined.init, () => this.networkEnded(joined.name));
    const step = cgroupStep(plan);
    if (step !== undefined) this.cgroup.prepare(step);
    const timer =
      record.timeoutSeconds === null ? undefined : setTimeout(() => this.timeIsUp(), record.timeoutSeconds * 1000);
    try {
      return await supervise({
        plan,
        chain: () => chainFor(plan, joined),
        runDirectory: this.options.store.run,
        headStart,
        syscalls,
        hub: this.hub,
        onLife: (life) => {
          this.life = life;
          // It was stopped while this life was prepared.
          if (this.keeper.state.isStopped) life.abort(record.stopSignal);
        },
        onStarted: (pid) => {
          this.keeper.begin(pid);
          if (!this.hasRun) this.options.onStarted?.();
        },
        isLeftAlone: this.options.isLeftAlone === true,
        isKept: !record.removeAtExit,
        callers: () => this.server.waitingAt(),
        onLasting: () => {
          this.server.serve();
          // What was written a moment ago holds that long.
          later.use(this.followHost(plan));
        },
        meanwhile: () => {
          if (!this.isListening) this.openMeanwhile();
          if (!this.hasRun) this.options.meanwhile?.();
        },
        rates: () => this.planNow().steps.filter((each) => each.kind === 'limit_network'),
        onNetwork: (change) => {
          this.keeper.network(change);
        },
        connectNetworks: (init) => this.connectNetworks(init, plan),
        enterCgroup: async (init) => {
          if (step === undefined) return;
          await this.cgroup.enter(step, init);
          this.keeper.cgroup(this.cgroup);
        },
        onExecuted: () => {
          this.running();
          const guess = headStart === undefined ? guessOf(plan, syscalls().landlockAbi() > 0) : headStart.nextGuess;
          if (guess !== undefined) rememberGuess(store.run, guess);
        },
        onStep,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** `hutch update` changes the limits on disk: of the next life, and of a network whose helper is started again. */
  private planNow(): Plan {
    const { plan, record, store } = this.options;
    const now = this.hasRun ? readJsonFile(join(containerDirectory(store, record.id), 'plan.json')) : undefined;
    return (now as Plan | undefined) ?? plan;
  }

  /** Loaded for those alone who are on some. */
  private async connectNetworks(init: number, plan: Plan): Promise<void> {
    const { ContainerNetworks } = await import('./container-networks.ts');
    // It has ended meanwhile.
    if (this.life === undefined) return;
    this.networks = new ContainerNetworks({
      ...{ store: this.options.store, record: this.options.record, plan },
      planNow: () => this.planNow(),
      onEndpoints: (endpoints) => {
        this.keeper.endpoints(endpoints);
      },
      onChange: (change) => {
        this.keeper.network(change);
      },
    });
    await this.networks.attach(init);
  }

  private timeIsUp(): void {
    const { store, record } = this.options;
    noteLife(store, 'kill', record, { signal: String(KILL), by: `--timeout ${String(record.timeoutSeconds)}` });
    this.life?.kill();
  }

  private followHost(plan: Plan): Disposable | undefined {
    const { record, store } = this.options;
    const settings = record.resolver ?? null;
    return settings === null
      ? undefined
      : followResolver({ directory: containerDirectory(store, record.id), plan, settings });
  }

  /** Its network namespace stays, and leads nowhere any more. */
  private networkEnded(name: string): void {
    const helper = `container ${name}`;
    this.keeper.network({ to: 'lost', helper, reason: `${helper}, whose network it shares, has ended` });
  }

  /** A container that nobody could stop does not run. */
  private openMeanwhile(): void {
    try {
      this.open();
    } catch (error) {
      this.failure = error;
      this.life?.kill();
    }
  }

  private running(): void {
    this.keeper.running();
    this.writePid();
    this.watchHealth();
    const isFirst = !this.hasRun;
    this.hasRun = true;
    if (isFirst) this.options.onRunning();
  }

  /** Whoever asked for it would wait for it in vain. */
  private writePid(): void {
    const { pidFile } = this.options.record;
    const pid = this.keeper.state.init?.pid;
    if (pidFile === undefined || pid === undefined) return;
    try {
      writePidFile(pidFile, pid);
    } catch (error) {
      this.failure = error;
      this.life?.kill();
    }
  }

  private watchHealth(): void {
    const { id, health } = this.options.record;
    if (health === null || health === undefined) return;
    this.health = new HealthWatch({
      check: health,
      probe: execProbe(id, health.command),
      onChange: (now, hasTurned) => {
        this.keeper.health(now, hasTurned);
      },
    });
  }

  /** What clients hear last is true by then: the end is on record, or nothing is left of the container. */
  private async end(code: number, isDropped: boolean, reason?: string): Promise<void> {
    const { store, record } = this.options;
    clearTimeout(this.killTimer);
    this.hub.log?.close();
    this.cgroup.leave();
    if (isDropped) await dropContainer(store, record, reason);
    else leaveRunning(store, record.id);
    await this.server.end(code);
  }

  /** PID 1 ignores signals that it has no handler for, so a second Ctrl-C ends it by SIGKILL. */
  private hearSignal(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM') this.cgroup.hearTerm();
    if (this.options.hearSignal?.(signal) === true) return;
    if (signal === 'SIGINT') this.interrupts += 1;
    const number = signal === 'SIGINT' && this.interrupts > 1 ? KILL : constants.signals[signal];
    this.signal(number, `${signal} to its monitor`);
    // Whoever asks a monitor to end that nobody is at, such as systemd at the end of a login session, asks for the container's end.
    if (signal === 'SIGTERM' && isNamedMonitor()) this.killIn(this.options.record.stopTimeoutSeconds);
  }

  private send(signal: number): void {
    const pid = this.life?.payload();
    if (pid === undefined) {
      this.endEarly(signal);
      return;
    }
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended: its exit code is on the way.
    }
  }

  /** A signal that comes before the payload runs ends everything, as does one between two lives. */
  private endEarly(signal: number): void {
    this.life?.abort(signal);
    if (this.endPause === undefined) return;
    this.keeper.stopping();
    this.endPause();
  }

  private killIn(seconds: number): void {
    clearTimeout(this.killTimer);
    if (seconds < 0) return;
    this.killTimer = setTimeout(() => {
      this.signal(KILL, `hutch, ${String(seconds)} s after it was asked to end`);
    }, seconds * 1000);
  }

  private async pause(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = undefined;
  }
}
