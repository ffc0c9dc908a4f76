/** One probe of a container's health: `hutch exec`, which does all that entering a container takes; in the monitor. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { nodePath, programDirectory } from '../host/program-path.ts';
import type { RunProbe } from './health-watch.ts';

/** In the environment of a probe: it is no `exec` of the user's. */
export const PROBE_VARIABLE = 'HUTCH_PROBE';

/** As much of the output as docker keeps. */
const MAX_OUTPUT_BYTES = 4096;
/** What is still written when the probe has ended is not waited for longer. */
const DRAIN_MS = 500;

/** A probe that runs `command` in the container `id`. */
export function execProbe(id: string, command: readonly string[]): RunProbe {
  return (signal) =>
    new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      const cli = ['--disable-sigusr1', '--no-warnings', '--', join(programDirectory(), 'life.cjs')];
      const child = spawn(nodePath(), [...cli, 'exec', id, ...command], {
        stdio: ['ignore', 'pipe', 'pipe'],
        cwd: '/',
        env: { ...process.env, [PROBE_VARIABLE]: '1' },
        signal,
        killSignal: 'SIGKILL',
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (bytes: Buffer) => {
          // All of it is read: a probe that nobody listens to would wait for ever.
          if (sizeOf(parts) < MAX_OUTPUT_BYTES) parts.push(bytes);
        });
      }
      const settle = (code: number | null): void => {
        const output = Buffer.concat(parts).subarray(0, MAX_OUTPUT_BYTES).toString('utf8');
        resolve({ exitCode: code ?? -1, output });
      };
      child.once('exit', (code) => setTimeout(settle, DRAIN_MS, code));
      child.once('close', settle);
      child.once('error', (error) => {
        if (!signal.aborted) reject(error);
      });
    });
}

function sizeOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
