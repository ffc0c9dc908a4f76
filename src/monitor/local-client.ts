/** This process's own stdin, stdout and stderr as a client of a payload: in the monitor of a foreground `run`, or in `attach`. */
import { isatty } from 'node:tty';
import type { Syscalls } from '../syscall/syscalls.ts';
import { DetachScanner } from '../protocol/detach-keys.ts';
import { LocalOutput } from './local-output.ts';
import { goRaw, passOutputUnchanged, windowSize } from './local-terminal.ts';
import type { PayloadEnd, StreamClient } from './stream-hub.ts';
import type { StreamName } from './log-writer.ts';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

export interface LocalOptions {
  readonly syscalls: () => Syscalls;
  readonly payload: PayloadEnd;
  /** Connect our stdin. */
  readonly stdin: boolean;
  /** Those that are shown; left out: both. */
  readonly outputs?: readonly StreamName[];
  /** The container has a terminal. */
  readonly terminal: boolean;
  /** None: nothing detaches. */
  readonly detachKeys: Buffer;
  readonly onDetach: () => void;
  /** Lends the terminal on our stdin, and takes it back; without it, it is ours as long as we are connected. */
  readonly turns?: TerminalTurns | undefined;
}

/** When a client may use the user's terminal: `take` begins each turn, `leave` ends it. Disposing of the result ends them for good. */
export type TerminalTurns = (take: () => void, leave: () => void) => Disposable;

export class LocalClient implements StreamClient {
  private readonly options: LocalOptions;
  private readonly outputs: Readonly<Record<StreamName, LocalOutput>>;
  private readonly full = new Set<StreamName>();
  private readonly restores: (() => void)[] = [];
  private turns: Disposable | undefined;
  private isConnected = false;

  constructor(options: LocalOptions) {
    this.options = options;
    const output = (name: StreamName, fd: number): LocalOutput =>
      new LocalOutput(fd, options.syscalls, {
        ready: () => {
          this.full.delete(name);
          if (this.full.size === 0) options.payload.ready(this);
        },
        gone: () => {
          options.payload.shut(name);
        },
      });
    this.outputs = { stdout: output('stdout', STDOUT), stderr: output('stderr', STDERR) };
  }

  get needsEvents(): boolean {
    return this.outputs.stdout.needsEvents || this.outputs.stderr.needsEvents;
  }

  take(stream: StreamName, bytes: Buffer): boolean {
    const isShown = this.options.outputs?.includes(stream) ?? true;
    if (isShown && !this.outputs[stream].write(bytes)) this.full.add(stream);
    return this.full.size === 0;
  }

  /** The terminal goes raw only now, when keys can reach the payload. */
  connected(): void {
    if (this.options.terminal) this.resize();
    if (this.isConnected) return;
    this.isConnected = true;
    const { turns } = this.options;
    if (turns === undefined || !isatty(STDIN)) this.useTerminal();
    else
      this.turns = turns(
        () => {
          this.useTerminal();
        },
        () => {
          this.restore();
        },
      );
  }

  /** Gives the terminal back when all output is out. */
  async end(): Promise<void> {
    await Promise.all([this.outputs.stdout.flush(), this.outputs.stderr.flush()]);
    this.turns?.[Symbol.dispose]();
    this.restore();
    if (this.options.stdin) process.stdin.destroy();
  }

  /** Lets go of the three streams at once: the payload goes on without us. */
  release(): void {
    this.turns?.[Symbol.dispose]();
    this.restore();
    if (this.options.stdin) process.stdin.destroy();
    this.outputs.stdout.close();
    this.outputs.stderr.close();
  }

  private useTerminal(): void {
    if (this.options.terminal) this.connectTerminal();
    if (this.options.stdin) this.connectInput();
  }

  private restore(): void {
    for (const restore of this.restores.splice(0).toReversed()) restore();
  }

  private connectTerminal(): void {
    const { syscalls, stdin } = this.options;
    const resize = (): void => {
      this.resize();
    };
    process.on('SIGWINCH', resize);
    this.restores.push(() => process.off('SIGWINCH', resize));
    if (stdin && process.stdin.isTTY) this.restores.push(goRaw());
    if (windowSize(syscalls(), STDOUT) !== undefined) this.restores.push(passOutputUnchanged(syscalls(), STDOUT));
  }

  private resize(): void {
    const size = windowSize(this.options.syscalls(), STDOUT);
    if (size !== undefined) this.options.payload.resize(size.rows, size.columns);
  }

  private connectInput(): void {
    const { payload } = this.options;
    const scanner = new DetachScanner(this.options.terminal ? this.options.detachKeys : Buffer.alloc(0));
    const hear = (bytes: Buffer): void => {
      const { pass, isDetached } = scanner.scan(bytes);
      if (pass.length > 0 && !payload.write(pass)) {
        process.stdin.pause();
        payload.onInputReady(() => process.stdin.resume());
      }
      if (isDetached) this.options.onDetach();
    };
    const end = (): void => {
      payload.endInput();
    };
    process.stdin.on('data', hear).on('end', end).on('error', end).resume();
    this.restores.push(() => process.stdin.off('data', hear).off('end', end).pause());
  }
}
