/** Starting a monitor as a process of its own; in the process of a command such as `hutch start`. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { nodePath, programPath } from '../host/program-path.ts';
import { parseStartReport, REPORT_FD, type StartReport } from '../protocol/start-report.ts';

/** What a monitor, and others that outlive a command, find their places by. */
export const PASSED_ON = [
  'PATH',
  'HOME',
  'XDG_DATA_HOME',
  'XDG_CONFIG_HOME',
  'XDG_RUNTIME_DIR',
  'HUTCH_DATA',
  'HUTCH_NESTED',
];

export interface StartedMonitor {
  /** What it says next; null when it has ended without saying anything. */
  next(): Promise<StartReport | null>;
  /** Lets it go its own way. */
  release(): void;
}

/** Starts the monitor of container `id`, in a session of its own, with none of our descriptors. */
export function startMonitor(id: string, { awaitsClient }: { readonly awaitsClient: boolean }): StartedMonitor {
  const env = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
  const child = spawn(
    nodePath(),
    [
      '--disable-sigusr1',
      '--no-warnings',
      '--no-rehash-snapshot',
      '--v8-pool-size=1',
      programPath('monitor'),
      id,
      ...(awaitsClient ? ['--await-client'] : []),
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'], env, cwd: '/', detached: true },
  );
  child.on('error', () => undefined);
  const reports = child.stdio[REPORT_FD] as Readable;
  const lines = createInterface({ input: reports })[Symbol.asyncIterator]();
  return {
    next: async () => {
      const { value, done } = await lines.next();
      return done === true ? null : parseStartReport(value);
    },
    release: () => {
      reports.destroy();
      child.unref();
    },
  };
}
