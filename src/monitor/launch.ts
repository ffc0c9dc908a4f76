/** Starting the chain that ends in init, or taking over one that the launcher has started; in the monitor, on the host's side. */
import { spawn } from 'node:child_process';
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { errnoOf, HutchError } from '../errors/hutch-error.ts';
import { identifyProcess } from '../host/process-identity.ts';
import { CLOSE_RANGE_CLOEXEC } from '../linux/flags.ts';
import { isSameIdMap, parseIdMap, type UserNamespace } from '../linux/id-map.ts';
import { parseStatusLine, type MonitorMessage, type StatusLine } from '../protocol/messages.ts';
import type { Plan } from '../plan/step.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { CHAIN_PATH, type LaunchChain } from '../userns/launch-chain.ts';
import { writeMaps } from '../userns/write-maps.ts';
import { chainFor, isPlain } from './chain-for.ts';
import { chainKey, type Prelaunched } from './prelaunch.ts';

/** A chain that runs, with init at its end. */
export interface Launched {
  /** Host pid of the chain's first program. */
  readonly pid: number;
  /** Init has its plan. */
  readonly isTold: boolean;
  send(message: MonitorMessage): void;
  /** Calls `hear` for each status line, in order; resolves when every process of the chain has ended. */
  listen(hear: (line: StatusLine) => void): Promise<void>;
  kill(): void;
}

/**
 * Sends init its plan before the monitor is ready for it, so that both make ready at once; nothing comes of it when the plan wants another chain.
 * Init does the steps up to the first that waits for the monitor: without it no payload runs. What it says stays in its channel.
 */
export function tellEarly(early: Prelaunched, plan: Plan, trace: boolean): Prelaunched {
  // Only such chains are started early: another plan may want the same words and namespaces that are there already.
  if (!isPlain(plan.enter) || early.key !== chainKey(chainFor(plan).argv)) return early;
  writeAll(early.toInit, Buffer.from(`${JSON.stringify(planMessage(plan, trace))}\n`));
  return { ...early, isTold: true };
}

/** What init waits for when it has booted. */
export function planMessage(plan: Pick<Plan, 'steps'>, trace: boolean): MonitorMessage {
  return { event: 'monitor_plan', plan: { steps: plan.steps }, trace };
}

export interface LaunchOptions {
  readonly chain: LaunchChain;
  readonly userNamespace: UserNamespace;
  readonly prelaunched: Prelaunched | undefined;
  readonly syscalls: () => Syscalls;
}

/** Brings a chain up. The caller's death ends it. USERNS_FAILED when its maps cannot be written. */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { chain, prelaunched } = options;
  if (prelaunched?.key === chainKey(chain.argv)) return adopt(prelaunched, options.syscalls);
  if (prelaunched !== undefined) {
    discard(prelaunched);
    void reap(prelaunched.pid, options.syscalls());
  }
  return start(options);
}

function adopt({ pid, toInit, fromInit, isTold }: Prelaunched, syscalls: () => Syscalls): Launched {
  return {
    pid,
    isTold: isTold === true,
    // A plan is larger than what a pipe takes at once, but init reads all the time: writing may block for a moment.
    send: (message) => {
      writeAll(toInit, Buffer.from(`${JSON.stringify(message)}\n`));
    },
    listen: async (hear) => {
      using _watch = onEnd(pid, () => {
        killQuietly(pid);
      });
      await readLines(new Socket({ fd: fromInit, readable: true, writable: false }), hear);
      closeSync(toInit);
      await reap(pid, syscalls());
    },
    kill: () => {
      killQuietly(pid);
    },
  };
}

/** Calls `act` when our child `pid` has ended. Nobody has collected it yet, so its number and its group are still its own. */
function onEnd(pid: number, act: () => void): Disposable {
  const look = (): void => {
    if (identifyProcess(pid) === undefined) act();
  };
  process.on('SIGCHLD', look);
  look();
  return {
    [Symbol.dispose]: () => {
      process.off('SIGCHLD', look);
    },
  };
}

/** Collects a chain that ends: it is our child, but Node did not start it. */
async function reap(pid: number, syscalls: Syscalls): Promise<void> {
  while (syscalls.waitpidNoHang(pid) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Ends a chain that was started on a wrong guess. */
export function discard({ pid, toInit, fromInit }: Prelaunched): void {
  killQuietly(pid);
  for (const fd of [toInit, fromInit]) closeSync(fd);
}

/**
 * Ends a chain by its process group: an unshare(1) that is killed, by us or anybody, just when it has its maps written leaves the child that
 * writes them behind, which would wait for ever and keep the channel open. Before setsid(1) has made the group there is only the one process.
 */
function killQuietly(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It has ended by itself, or is no group yet.
    }
  }
}

async function start({ chain, userNamespace, syscalls }: LaunchOptions): Promise<Launched> {
  const [file, ...args] = chain.argv;
  // What hutch has inherited stays out of the chain, which lives as long as the container.
  syscalls().close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const child = spawn(file, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: { PATH: CHAIN_PATH, LANG: 'C.UTF-8' },
    // A session of its own: Ctrl-C in the terminal reaches the payload through hutch, not by chance.
    detached: true,
  });
  const exited = new Promise<void>((resolve, reject) => {
    child.once('exit', (_code, signal) => {
      if (signal !== null && child.pid !== undefined) killQuietly(child.pid);
      resolve();
    });
    child.once('error', (cause) => {
      reject(
        new HutchError(`cannot start ${file}: ${cause.message}`, {
          code: 'HOST_TOOL_MISSING',
          hint: 'run `hutch doctor`',
          cause,
        }),
      );
    });
  });
  exited.catch(() => undefined);
  const { pid } = child;
  if (pid === undefined) {
    await exited;
    throw new Error('a chain without pid and without error');
  }
  if (chain.mapping === 'parent') await writeMaps(pid, userNamespace);
  const down = child.stdio[3] as Writable;
  down.on('error', () => undefined);
  return {
    pid,
    isTold: false,
    send: (message) => void down.write(`${JSON.stringify(message)}\n`),
    listen: async (hear) => {
      await Promise.all([
        readLines(child.stdio[4] as Readable, hear),
        readLines(child.stderr as Readable, hear),
        exited,
      ]);
      down.destroy();
    },
    kill: () => {
      killQuietly(pid);
    },
  };
}

function writeAll(fd: number, bytes: Buffer): void {
  try {
    let offset = 0;
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
  } catch (error) {
    // The chain has died: what it said about that is on its way.
    if (errnoOf(error) !== 'EPIPE') throw error;
  }
}

function readLines(stream: Readable, hear: (line: StatusLine) => void): Promise<void> {
  return new Promise((resolve) => {
    let unread = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (unread + text).split('\n');
      unread = lines.pop() ?? '';
      for (const line of lines) hear(parseStatusLine(line));
    });
    stream
      .on('error', () => undefined)
      .once('close', () => {
        if (unread !== '') hear(parseStatusLine(unread));
        resolve();
      });
  });
}

/** USERNS_FAILED unless process `pid` has the maps that were chosen. */
export function checkMaps(pid: number, wanted: UserNamespace): void {
  const read = (name: string) => parseIdMap(readFileSync(`/proc/${String(pid)}/${name}`, 'utf8'));
  if (isSameIdMap(read('uid_map'), wanted.uidMap) && isSameIdMap(read('gid_map'), wanted.gidMap)) return;
  throw new HutchError('the container got another id map than the one chosen for it', {
    code: 'USERNS_FAILED',
    hint: 'check that your rows in /etc/subuid and /etc/subgid agree (`hutch doctor`)',
  });
}
