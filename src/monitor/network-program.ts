/** Running the helper that connects a container's network namespace; in the monitor, on the host's side. */
import { closeSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { HutchError } from '../errors/hutch-error.ts';
import { findTool } from '../host/run-tool.ts';
import { HELPER_API, HELPER_EXIT_FD, HELPER_READY_FD } from '../drivers/network/driver.ts';
import { CLOSE_RANGE_CLOEXEC } from '../linux/flags.ts';
import { helperName } from '../plan/name-of-program.ts';
import { sparePipe } from '../syscall/spare-pipe.ts';
import { startTool } from '../syscall/start-tool.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { CHAIN_PATH } from '../userns/launch-chain.ts';

const READY_TIMEOUT_MS = 10_000;

export interface NetworkHelper extends Disposable {
  readonly pid: number | undefined;
  /** Resolves when it has ended, with why, in a few words. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  /** Lets it stand still, or go on. */
  hold(isHeld: boolean): void;
}

/** Where a helper's control socket is for a moment; `run` is the run directory. */
export function apiSocket(run: string): string {
  return join(run, `slirp.${String(process.pid)}`);
}

export function removeApiSocket(run: string): void {
  rmSync(apiSocket(run), { force: true });
}

/** The words of a plan for a helper, with the place of its control socket. */
export function helperWords(words: readonly string[], run: string): readonly string[] {
  return words.map((word) => word.replace(HELPER_API, apiSocket(run)));
}

/** A helper that was started: a child of this process, and descriptors of this process. */
export interface StartedHelper {
  /** Those of the plan, with the place of its control socket. */
  readonly words: readonly string[];
  /** What was read of `stderr` already. */
  readonly said?: string;
  readonly pid: number;
  readonly stderr: number;
  readonly ready: number;
  readonly exit: number;
}

/**
 * Starts the helper for host process `pid` and waits until it is ready. It ends when the result is disposed of, or when
 * this process dies. NETWORK_FAILED with the helper's words.
 */
export async function startNetworkHelper(words: readonly string[], pid: number): Promise<NetworkHelper> {
  return watchHelper(spawnHelper(words, pid));
}

/** Starts it, and does not wait. NETWORK_FAILED when it is not there. */
export function spawnHelper(words: readonly string[], pid: number): StartedHelper {
  const syscalls = openSyscalls();
  // What hutch has inherited stays out of it.
  syscalls.close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const [stderr, ready, exit] = [sparePipe(syscalls), sparePipe(syscalls), sparePipe(syscalls)];
  const [program = '', ...args] = words.map((word) => word.replaceAll('%pid', String(pid)));
  const descriptors = { 2: stderr[1], [HELPER_READY_FD]: ready[1], [HELPER_EXIT_FD]: exit[0] };
  try {
    const path = findTool(program) ?? program;
    const child = startTool(path, args, { searchPath: CHAIN_PATH, descriptors, ownSession: true });
    return { words, pid: child, stderr: stderr[0], ready: ready[0], exit: exit[1] };
  } catch (error) {
    for (const fd of [stderr[0], ready[0], exit[1]]) closeSync(fd);
    throw failed(helperName(words), error instanceof Error ? error.message : String(error));
  } finally {
    for (const fd of [stderr[1], ready[1], exit[0]]) closeSync(fd);
  }
}

/** Ends one that nobody watches. `isReady`: its descriptor for that is closed. */
export function dismissHelper({ pid, stderr, ready, exit }: StartedHelper, isReady = false): void {
  for (const fd of [stderr, ...(isReady ? [] : [ready]), exit]) closeSync(fd);
  signalQuietly(pid, 'SIGKILL');
  void collect(pid);
}

/** Waits until a helper that was started is ready. NETWORK_FAILED with its words. */
export async function watchHelper(started: StartedHelper): Promise<NetworkHelper> {
  const { helper, said } = observe(started);
  try {
    await ready(started.ready, helper.ended);
  } catch (error) {
    helper[Symbol.dispose]();
    throw failed(helperName(started.words), said() === '' ? (error as Error).message : said());
  }
  return helper;
}

/** A helper that was started and is ready; its descriptor for that is closed. */
export function watchReadyHelper(started: StartedHelper): NetworkHelper {
  return observe(started).helper;
}

function observe(started: StartedHelper): { readonly helper: NetworkHelper; readonly said: () => string } {
  const { pid } = started;
  const stderr = new Socket({ fd: started.stderr, readable: true, writable: false });
  const exit = new Socket({ fd: started.exit, readable: false, writable: true });
  // What it was to hear may be gone with it.
  exit.on('error', () => undefined);
  const state: { said: string; code?: number } = { said: started.said ?? '' };
  stderr.setEncoding('utf8').on('data', (text: string) => (state.said = (state.said + text).slice(-2000)));
  stderr.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    // It is open as long as the helper is there.
    stderr.once(
      'close',
      () => void collect(pid).then((code) => resolve(endText((state.code = code), state.said.trim()))),
    );
  });
  const kill = (): void => {
    if (state.code === undefined) signalQuietly(pid, 'SIGKILL');
  };
  const helper: NetworkHelper = {
    pid,
    ended,
    hasEnded: () => state.code !== undefined,
    hold: (isHeld) => {
      // It was started as the first of a process group.
      if (state.code === undefined) signalQuietly(-pid, isHeld ? 'SIGSTOP' : 'SIGCONT');
    },
    [Symbol.dispose]: () => {
      exit.destroy();
      kill();
    },
  };
  return { helper, said: () => state.said.trim() };
}

/** Resolves with its exit code, or 128 and the number of the signal, when it has ended. */
async function collect(pid: number): Promise<number> {
  const syscalls = openSyscalls();
  for (;;) {
    const code = syscalls.waitpidNoHang(pid);
    if (code !== undefined) return code;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function endText(code: number, words: string): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  if (code > 128 && signal !== undefined) return `it was ended by ${signal}`;
  const last = words.split('\n').at(-1) ?? '';
  return `it ended with code ${String(code)}${last === '' ? '' : `: ${last}`}`;
}

function failed(name: string, reason: string): HutchError {
  return new HutchError(`${name} could not connect the container: ${reason}`, {
    code: 'NETWORK_FAILED',
    hint: 'run `hutch doctor`, or use --net none',
  });
}

function ready(fd: number, ended: Promise<string>): Promise<void> {
  const pipe = new Socket({ fd, readable: true, writable: false });
  return new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void => {
      reject(new Error(reason));
    };
    const timer = setTimeout(fail, READY_TIMEOUT_MS, `it was not ready within ${String(READY_TIMEOUT_MS / 1000)} s`);
    const settle = (how: () => void): void => {
      clearTimeout(timer);
      how();
    };
    void ended.then((reason) => {
      settle(() => {
        fail(reason);
      });
    });
    pipe
      .on('error', () => undefined)
      .once('data', () => {
        settle(resolve);
      });
  }).finally(() => pipe.destroy());
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended: who waits for that hears of it.
  }
}
