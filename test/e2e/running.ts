/** A container that runs in the background of a test. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import assert from 'node:assert/strict';
import { eventually } from './processes.ts';
import { type Child, type Outcome, type Sandbox } from './sandbox.ts';

export interface Running {
  readonly name: string;
  readonly id: string;
  /** Host pid of its process 1. */
  readonly pid: number;
  /** The `hutch run` that supervises it. */
  readonly monitor: Child;
  /** `hutch exec FLAGS NAME WORDS`. */
  exec(flags: readonly string[], ...words: readonly string[]): Promise<Outcome>;
  /** Ends the container and waits for that. */
  end(): Promise<void>;
}

/** Starts `hutch run --rm --net none --name NAME FLAGS… WORDS…` and waits until its first program is there. */
export async function startContainer(box: Sandbox, name: string, words: readonly string[]): Promise<Running> {
  const monitor = box.start(['run', '--rm', '--net', 'none', '--name', name, ...words]);
  const ended = new Promise((resolve) => monitor.once('close', resolve));
  monitor.stdout.resume();
  monitor.stderr.resume();
  const seen = await eventually(() => findPayload(box, name));
  assert.ok(seen, 'the container has not started');
  return {
    ...seen,
    name,
    monitor,
    exec: (flags, ...command) => box.hutch(['exec', ...flags, name, ...command]),
    end: async () => {
      killQuietly(seen.pid);
      await ended;
    },
  };
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function findPayload(box: Sandbox, name: string): { id: string; pid: number } | undefined {
  try {
    const id = readFileSync(path.join(box.data, 'names', name), 'utf8');
    const state = JSON.parse(readFileSync(path.join(box.data, 'containers', id, 'state.json'), 'utf8')) as {
      init: { pid: number } | null;
    };
    return state.init === null ? undefined : { id, pid: state.init.pid };
  } catch {
    return undefined;
  }
}
