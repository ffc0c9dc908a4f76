/** Running the helper that connects a container's network namespace; in the monitor, on the host's side. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { HutchError } from '../errors/hutch-error.ts';
import { findTool } from '../host/run-tool.ts';
import { HELPER_EXIT_FD, HELPER_READY_FD } from '../drivers/network/driver.ts';
import { helperName } from '../plan/name-of-program.ts';
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

/**
 * Starts the helper for host process `pid` and waits until it is ready. It ends when the result is disposed of, or when
 * this process dies. NETWORK_FAILED with the helper's words.
 */
export async function startNetworkHelper(helper: readonly string[], pid: number): Promise<NetworkHelper> {
  const [program = '', ...args] = helper.map((word) => word.replaceAll('%pid', String(pid)));
  const child = spawn(findTool(program) ?? program, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: { PATH: CHAIN_PATH },
    // Ctrl-C in the terminal is for the payload, not for its network.
    detached: true,
  });
  const words = hearWords(child);
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => {
      resolve(endText(code, signal, words()));
    });
  });
  await ready(child, helperName(helper), words);
  return letRun(child, ended);
}

/** The last of what it says on stderr. */
function hearWords(child: ChildProcess): () => string {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  return () => stderr.trim();
}

function endText(code: number | null, signal: NodeJS.Signals | null, words: string): string {
  if (signal !== null) return `it was ended by ${signal}`;
  const last = words.split('\n').at(-1) ?? '';
  return `it ended with code ${String(code)}${last === '' ? '' : `: ${last}`}`;
}

function ready(child: ChildProcess, name: string, words: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(
        new HutchError(`${name} could not connect the container: ${words() === '' ? reason : words()}`, {
          code: 'NETWORK_FAILED',
          hint: 'run `hutch doctor`, or use --net none',
        }),
      );
    };
    const timer = setTimeout(fail, READY_TIMEOUT_MS, `it was not ready within ${String(READY_TIMEOUT_MS / 1000)} s`);
    const close = (code: number | null): void => {
      fail(`it ended with code ${String(code)}`);
    };
    child.once('error', (error) => {
      fail(error.message);
    });
    child.once('close', close);
    (child.stdio[HELPER_READY_FD] as Readable).once('data', () => {
      clearTimeout(timer);
      child.off('close', close);
      resolve();
    });
  });
}

function letRun(child: ChildProcess, ended: Promise<string>): NetworkHelper {
  (child.stdio[HELPER_READY_FD] as Duplex).destroy();
  // What it was to hear may be gone with it.
  (child.stdio[HELPER_EXIT_FD] as Duplex).on('error', () => undefined);
  return {
    pid: child.pid,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    hold: (isHeld) => {
      signalGroup(child, isHeld ? 'SIGSTOP' : 'SIGCONT');
    },
    [Symbol.dispose]: () => {
      child.stderr?.destroy();
      (child.stdio[HELPER_EXIT_FD] as Duplex).destroy();
      child.kill('SIGKILL');
    },
  };
}

/** It was started as the first of a process group. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended: who waits for that hears of it.
  }
}
