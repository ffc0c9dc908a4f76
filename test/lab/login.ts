/** Logins at the lab's machine by ssh, each a login session of its own there, with all that PAM and logind make of it. */

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';

/** Users of the machine; `alice` and `bob` are ordinary ones with subordinate ids. */
export type LabUser = 'root' | 'alice' | 'bob';

export interface Outcome {
  /** Of the command; 255 when the connection broke; null when it took too long and was given up. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Buffer;
  /** How long it may take; two minutes if not given. */
  readonly timeoutMs?: number;
}

export interface Login {
  /** Has the user's shell carry out a command in this session. */
  run(command: string, options?: CommandOptions): Promise<Outcome>;
  /** Ends the session, as closing a terminal window does. */
  logOut(): Promise<void>;
}

const COMMAND_TIMEOUT_MS = 120_000;
let logins = 0;

/** Logs in; `config` is the ssh_config of a machine. Throws with the words of ssh when that fails. */
export async function logIn(config: string, user: LabUser): Promise<Login> {
  const socket = path.join(path.dirname(config), `${user}-${String(process.pid)}-${String(logins++)}`);
  const ssh = (...words: readonly string[]): string[] => ['-F', config, '-S', socket, ...words];
  // LocalCommand says that the connection stands.
  const ready = ['-o', 'PermitLocalCommand=yes', '-o', 'LocalCommand=echo'];
  const master = spawn('setpriv', ['--pdeathsig=KILL', '--', 'ssh', ...ssh('-M', '-N', ...ready, user)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const complaint = text(master.stderr);
  const ended = new Promise<void>((resolve) => master.once('close', () => resolve()));
  await Promise.race([new Promise((resolve) => master.stdout.once('data', resolve)), ended]);
  if (master.exitCode !== null) throw new Error(`no login as ${user}: ${await complaint}`);
  return {
    run: (command, options) => complete(ssh(user, command), options),
    async logOut() {
      // SIGTERM is lost when it comes just before ssh begins to wait.
      master.kill('SIGKILL');
      await ended;
      rmSync(socket, { force: true });
    },
  };
}

/** One command in a session of its own, which ends with it. */
export function runOnce(config: string, user: LabUser, command: string, options?: CommandOptions): Promise<Outcome> {
  return complete(['-F', config, user, command], options);
}

async function complete(argv: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const { input = '', timeoutMs: timeout = COMMAND_TIMEOUT_MS } = options;
  const child = spawn('ssh', argv, { stdio: ['pipe', 'pipe', 'pipe'], timeout, killSignal: 'SIGKILL' });
  // The command may end without having read it.
  child.stdin.on('error', () => undefined).end(input);
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}
