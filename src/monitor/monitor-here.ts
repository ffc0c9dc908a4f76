/** `hutch run`: this process becomes the container's monitor, with or without the user at its streams; on the host's side. */
import type { ProcessIdentity } from '../host/process-identity.ts';
import type { Plan } from '../plan/step.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import type { Store } from '../state/store.ts';
import { openSyscalls, type Syscalls } from '../syscall/syscalls.ts';
import type { StreamName } from './log-writer.ts';
import { noteLife, recordNow } from './note-life.ts';
import { ContainerMonitor } from './container-monitor.ts';
import { takeTurns } from './job-turns.ts';
import { LocalClient, type TerminalTurns } from './local-client.ts';
import type { ToldInit } from './head-start.ts';
import { shedMemoryLater } from './shed-memory.ts';
import { endShell, leaveShell, watchShell } from './waiting-shell.ts';

/** How the user is connected. */
export interface Attachment {
  readonly stdin: boolean;
  /** Left out: both. */
  readonly outputs?: readonly StreamName[];
  readonly detachKeys: Buffer;
  /** False: a signal parts the user from the container instead of reaching it. */
  readonly sigProxy: boolean;
}

export interface HereOptions {
  readonly store: Store;
  readonly record: ContainerRecord;
  readonly plan: Plan;
  readonly identity: ProcessIdentity;
  readonly headStart: ToldInit | undefined;
  /** The launcher's shell, without which nobody can part from the container. */
  readonly shell: number | undefined;
  /** Null: the container runs without the user from its start. */
  readonly attachment: Attachment | null;
  readonly isLogged: boolean;
  readonly meanwhile: () => void;
  readonly onRunning: () => void;
  readonly onStep: ((index: number, microseconds: number) => void) | null;
}

/** Nobody types into it, and nothing about it goes by the clock. */
function isLeftAlone({ terminal, interactive, health, timeoutSeconds }: ContainerRecord): boolean {
  return !terminal && !interactive && (health ?? null) === null && timeoutSeconds === null;
}

/** Returns the container's exit code when it has ended. Errors as ContainerMonitor.live(). */
export async function monitorHere(options: HereOptions): Promise<number> {
  return new Here(options).live();
}

class Here {
  private readonly options: HereOptions;
  private readonly monitor: ContainerMonitor;
  private readonly client: LocalClient | undefined;
  private bound: Syscalls | undefined;
  private watch: Disposable | undefined;
  private hasParted = false;

  constructor(options: HereOptions) {
    this.options = options;
    this.monitor = new ContainerMonitor({
      ...options,
      syscalls: () => this.syscalls(),
      isNew: true,
      isLeftAlone: options.attachment?.stdin !== true && isLeftAlone(options.record),
      onStarted: () => {
        if (options.shell !== undefined) this.watch = watchShell(this.syscalls(), options.shell, () => this.part());
      },
      onRunning: () => {
        options.onRunning();
        if (options.attachment === null) this.part();
      },
      hearSignal: () => this.hearSignal(),
    });
    this.client = this.connectUser();
  }

  async live(): Promise<number> {
    const code = await this.liveWithUser();
    const { shell } = this.options;
    if (code === 0 && shell !== undefined && !this.hasParted) endShell(this.syscalls(), shell);
    return code;
  }

  private async liveWithUser(): Promise<number> {
    try {
      return await this.monitor.live();
    } finally {
      this.watch?.[Symbol.dispose]();
      if (!this.hasParted) await this.client?.end();
    }
  }

  /** Bound while init works on the plan, which is sent first. */
  private syscalls(): Syscalls {
    return (this.bound ??= openSyscalls());
  }

  /** The shell is in the job that the user moves between foreground and background; this process is in a session of its own. */
  private terminalTurns(): TerminalTurns | undefined {
    const { shell, attachment } = this.options;
    if (shell === undefined || attachment?.stdin !== true) return undefined;
    return (take, leave) => takeTurns(shell, take, leave);
  }

  private connectUser(): LocalClient | undefined {
    const { attachment, record } = this.options;
    if (attachment === null) return undefined;
    const client = new LocalClient({
      ...attachment,
      syscalls: () => this.syscalls(),
      payload: this.monitor.hub,
      terminal: record.terminal,
      turns: this.terminalTurns(),
      onDetach: () => {
        this.part();
      },
    });
    this.monitor.hub.attach(client);
    return client;
  }

  /** From now on the container runs without the user. */
  private part(): void {
    const { shell, store, record } = this.options;
    if (this.hasParted || shell === undefined) return;
    this.hasParted = true;
    this.watch?.[Symbol.dispose]();
    if (this.client !== undefined) {
      this.client.release();
      this.monitor.hub.detach(this.client);
      noteLife(store, 'detach', record);
    }
    this.monitor.startLog();
    leaveShell(this.syscalls(), shell, recordNow(store, record).name);
    shedMemoryLater();
  }

  private hearSignal(): boolean {
    if (this.hasParted || this.options.attachment?.sigProxy !== false) return false;
    this.part();
    return this.hasParted;
  }
}
