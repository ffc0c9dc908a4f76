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
  await ready(child, helperName(helper));
  return letRun(child);
}

function ready(child: ChildProcess, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let stderr = '';
    const fail = (reason: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      const words = stderr.trim() === '' ? reason : stderr.trim();
      reject(
        new HutchError(`${name} could not connect the container: ${words}`, {
          code: 'NETWORK_FAILED',
          hint: 'run `hutch doctor`, or use --net none',
        }),
      );
    };
    const timer = setTimeout(fail, READY_TIMEOUT_MS, `it was not ready within ${String(READY_TIMEOUT_MS / 1000)} s`);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
    child.once('error', (error) => {
      fail(error.message);
    });
    child.once('close', (code) => {
      fail(`it ended with code ${String(code)}`);
    });
    (child.stdio[HELPER_READY_FD] as Readable).once('data', () => {
      clearTimeout(timer);
      child.removeAllListeners('close');
      resolve();
    });
  });
}

function letRun(child: ChildProcess): NetworkHelper {
  (child.stdio[HELPER_READY_FD] as Duplex).destroy();
  return {
    pid: child.pid,
    [Symbol.dispose]: () => {
      child.stderr?.destroy();
      (child.stdio[HELPER_EXIT_FD] as Duplex).destroy();
      child.kill('SIGKILL');
    },
  };
}
