/** Runs a command of the bench to its end, and says what it and all its children used. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export type Argv = readonly [string, ...string[]];

export interface Usage {
  readonly wallSeconds: number;
  /** User and system time of the command and of every descendant that was waited for. */
  readonly cpuSeconds: number;
  /** Of the largest process among them. */
  readonly peakMiB: number;
}

/** Throws with what it printed when it does not end with 0. */
export function runCommand(argv: Argv, env: NodeJS.ProcessEnv = process.env): void {
  const [file, ...args] = argv;
  const { status, stderr, error } = spawnSync(file, args, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${String(status)}: ${error?.message ?? stderr}`);
}

/** As runCommand(), below GNU time, which writes to the file `notes`: wait4(2) adds up what descendants used. */
export function measureCommand(argv: Argv, env: NodeJS.ProcessEnv, notes: string): Usage {
  const start = process.hrtime.bigint();
  runCommand(['/usr/bin/time', '-f', '%U %S %M', '-o', notes, ...argv], env);
  const wallSeconds = Number(process.hrtime.bigint() - start) / 1e9;
  const [user = Number.NaN, system = Number.NaN, peakKiB = Number.NaN] = readFileSync(notes, 'utf8')
    .split(' ')
    .map(Number);
  return { wallSeconds, cpuSeconds: user + system, peakMiB: peakKiB / 1024 };
}
