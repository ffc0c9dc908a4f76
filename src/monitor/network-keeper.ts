/** The helper of one life's network, its ports and its rate, and that it is started again when it dies; in the monitor, on the host's side. */
import { closeSync, readSync } from 'node:fs';
import { HutchError } from '../errors/hutch-error.ts';
import { identifyProcess } from '../host/process-identity.ts';
import { helperName } from '../plan/name-of-program.ts';
import type { NetworkRate } from '../plan/network-rate.ts';
import type { Plan } from '../plan/step.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { networkDriver } from '../drivers/network/select.ts';
import { deepenBacklogs } from './deepen-backlogs.ts';
import type { EarlySource } from './first-moment.ts';
import { endConnections, sidesThrough } from './end-connections.ts';
import { limitNetwork, limitNetworkAgain } from './limit-network.ts';
import {
  apiSocket,
  dismissHelper,
  helperWords,
  removeApiSocket,
  startNetworkHelper,
  watchHelper,
  watchReadyHelper,
  type NetworkHelper,
  type StartedHelper,
} from './network-program.ts';
import { endRelays, publishPorts, type Lead } from './publish-ports.ts';
import { NetworkBackoff } from './network-backoff.ts';

const SLIRP = 'slirp4netns';

/** What becomes of the network. `down`: tries to bring it back follow; `lost`: no more of them. */
export type NetworkChange =
  | { readonly to: 'connected'; readonly pid: number | undefined }
  | { readonly to: 'down'; readonly helper: string; readonly reason: string }
  | { readonly to: 'up'; readonly helper: string; readonly pid: number | undefined; readonly attempts: number }
  | { readonly to: 'lost'; readonly helper: string; readonly reason: string };

export interface KeeperOptions {
  readonly plan: Plan;
  /** What the network is to be held to by now: `hutch update` may have changed it. */
  readonly rates: () => readonly NetworkRate[];
  /** The run directory. */
  readonly run: string;
  /** One that was started before this. */
  readonly early: StartedHelper | undefined;
  readonly syscalls: () => Syscalls;
  readonly onChange: (change: NetworkChange) => void;
  /** The helper died although the payload does not run yet: this start has failed. */
  readonly onFailure: (error: Error) => void;
}

/** A helper in the first moment of a container. */
interface Brief {
  readonly started: StartedHelper;
  /** What is done when it is ready; undefined: it has been done. */
  ready: (() => void) | undefined;
  /** What it has said. */
  words: string;
  hasEnded: boolean;
}

/** More than a helper says at once. */
const WORDS_BYTES = 4096;

export class NetworkKeeper implements Disposable {
  private readonly options: KeeperOptions;
  private readonly backoff = new NetworkBackoff();
  private helper: NetworkHelper | undefined;
  private leads: Lead[] = [];
  private words: readonly string[] = [];
  private pid = 0;
  private isRunning = false;
  private isOver = false;
  private early: StartedHelper | undefined;
  private brief: Brief | undefined;

  constructor(options: KeeperOptions) {
    this.options = options;
    this.early = options.early;
  }

  /** Starts the helper of `wait_for` for the namespaces of host process `pid`. NETWORK_FAILED with its words. */
  async start(words: readonly string[], pid: number): Promise<void> {
    this.words = helperWords(words, this.options.run);
    this.pid = pid;
    const helper = await this.launch();
    this.options.onChange({ to: 'connected', pid: helper.pid });
  }

  /** As start(), with a helper that was started before this and is heard by earlySources(): calls `ready`. False where there is none. */
  startEarly(words: readonly string[], pid: number, ready: () => void): boolean {
    if (this.early === undefined) return false;
    this.words = helperWords(words, this.options.run);
    this.pid = pid;
    this.brief = { started: this.early, ready, words: '', hasEnded: false };
    this.early = undefined;
    return true;
  }

  /** Where a helper of startEarly() says that it is ready, and where its end is seen: what follows from that is done after lasts(). */
  earlySources(): readonly EarlySource[] {
    const { brief } = this;
    if (brief === undefined || brief.hasEnded) return [];
    const { ready, stderr } = brief.started;
    const readReady = (): void => {
      if (readSync(ready, Buffer.alloc(1)) > 0) this.briefReady(brief);
      else brief.hasEnded = true;
    };
    const readWords = (): void => {
      const buffer = Buffer.alloc(WORDS_BYTES);
      const length = readSync(stderr, buffer);
      brief.words += buffer.toString('utf8', 0, length);
      if (length === 0) brief.hasEnded = true;
    };
    const words = { fd: stderr, read: readWords };
    return brief.ready === undefined ? [words] : [{ fd: ready, read: readReady }, words];
  }

  /** The helper of startEarly() has ended. */
  get hasFailed(): boolean {
    return this.brief?.hasEnded === true;
  }

  /** From now on it is heard when a helper ends. Resolves when one that was not ready is, or has failed; undefined: nothing is to be waited for. */
  lasts(): Promise<void> | undefined {
    const { brief } = this;
    if (brief === undefined) return undefined;
    this.brief = undefined;
    const { ready, words } = brief;
    const started = { ...brief.started, said: words };
    if (ready !== undefined) return this.becomeReady(started, ready);
    this.take(watchReadyHelper(started));
    return undefined;
  }

  private async becomeReady(started: StartedHelper, ready: () => void): Promise<void> {
    this.early = started;
    try {
      const helper = await this.launch();
      this.options.onChange({ to: 'connected', pid: helper.pid });
      ready();
    } catch (error) {
      this.options.onFailure(error as Error);
    }
  }

  private briefReady(brief: Brief): void {
    const { ready } = brief;
    brief.ready = undefined;
    closeSync(brief.started.ready);
    this.options.onChange({ to: 'connected', pid: brief.started.pid });
    ready?.();
  }

  /** The socket goes at once: nobody else shall ask for ports. PORT_UNAVAILABLE, NETWORK_FAILED. */
  async publishPorts(helper = this.helper): Promise<void> {
    const ports = this.options.plan.steps.flatMap((step) => (step.kind === 'publish_ports' ? step.ports : []));
    endRelays(this.leads.splice(0));
    if (ports.length > 0) this.leads = await publishPorts(apiSocket(this.options.run), ports);
    if (this.isOver) endRelays(this.leads);
    if (ports.length > 0 && helper?.pid !== undefined) deepenBacklogs(this.options.syscalls(), helper.pid);
    this.removeSocket();
  }

  /** As limitNetwork(), for each rate of the plan: also where somebody else has connected the namespaces of host process `pid`. */
  async limit(pid: number): Promise<void> {
    for (const rate of this.options.rates()) await limitNetwork(rate, pid);
  }

  /** From now on a dead helper is started again; until now its death fails the start. */
  payloadRuns(): void {
    this.isRunning = true;
  }

  [Symbol.dispose](): void {
    this.isOver = true;
    this.backoff.end();
    endRelays(this.leads);
    this.helper?.[Symbol.dispose]();
    const early = this.takeEarly();
    if (early !== undefined) dismissHelper(early);
    if (this.brief !== undefined) dismissHelper(this.brief.started, this.brief.ready === undefined);
    this.brief = undefined;
    if (early !== undefined || this.words.length > 0) this.removeSocket();
  }

  private async endConnections(): Promise<void> {
    const driver = networkDriver(helperName(this.words) === SLIRP ? SLIRP : 'pasta');
    await endConnections(this.pid, await sidesThrough(driver, this.pid));
  }

  private takeEarly(): StartedHelper | undefined {
    const { early } = this;
    this.early = undefined;
    return early;
  }

  private removeSocket(): void {
    removeApiSocket(this.options.run);
  }

  private async launch(): Promise<NetworkHelper> {
    const early = this.takeEarly();
    if (early === undefined) this.removeSocket();
    return this.take(await (early === undefined ? startNetworkHelper(this.words, this.pid) : watchHelper(early)));
  }

  private take(helper: NetworkHelper): NetworkHelper {
    this.helper = helper;
    // It ended while this was waited for.
    if (this.isOver) helper[Symbol.dispose]();
    void helper.ended.then((reason) => {
      if (this.helper === helper) this.hearEnd(reason);
    });
    return helper;
  }

  private hearEnd(reason: string): void {
    this.helper = undefined;
    if (!this.isNeeded()) return;
    const helper = helperName(this.words);
    if (this.isRunning) void this.bringBack(helper, reason);
    else this.options.onFailure(endedEarly(helper, reason));
  }

  /** Not where the container is on its way out itself. */
  private isNeeded(): boolean {
    return !this.isOver && identifyProcess(this.pid) !== undefined;
  }

  private async bringBack(helper: string, reason: string): Promise<void> {
    const { onChange } = this.options;
    onChange({ to: 'down', helper, reason });
    const tried = await this.backoff.bringBack(
      reason,
      () => this.isNeeded(),
      () => this.restart(),
    );
    if (tried.is === 'back') onChange({ to: 'up', helper, pid: tried.with, attempts: tried.attempts });
    else if (tried.is === 'lost') onChange({ to: 'lost', helper, reason: tried.reason });
  }

  /** Its rate is put on the device before a packet more passes by the helper, which stands still meanwhile. */
  private async restart(): Promise<number | undefined> {
    const helper = await this.launch();
    // What ends it from here on is found by the work below, and tried again by who called.
    this.helper = undefined;
    try {
      helper.hold(true);
      for (const rate of this.options.rates()) await limitNetworkAgain(rate, this.pid);
      helper.hold(false);
      await this.endConnections();
      await this.publishPorts(helper);
      if (helper.hasEnded()) throw endedEarly(helperName(this.words), await helper.ended);
    } catch (error) {
      helper[Symbol.dispose]();
      throw error;
    }
    this.helper = helper;
    if (this.isOver) helper[Symbol.dispose]();
    return helper.pid;
  }
}

function endedEarly(helper: string, reason: string): HutchError {
  return new HutchError(`${helper}, which connects the container's network, has ended: ${reason}`, {
    code: 'NETWORK_FAILED',
    hint: 'try again; `hutch doctor` shows whether it works on this host',
  });
}
