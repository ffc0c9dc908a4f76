/** Starting the chain that ends in init, or taking over one that the launcher has started; in the monitor, on the host's side. */
import { spawn } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { HutchError } from '../errors/hutch-error.ts';
import { identifyProcess } from '../host/process-identity.ts';
import { CLOSE_RANGE_CLOEXEC } from '../linux/flags.ts';
import { isSameIdMap, parseIdMap, type UserNamespace } from '../linux/id-map.ts';
import { parseStatusLine, type MonitorMessage, type StatusLine } from '../protocol/messages.ts';
import type { Syscalls } from '../syscall/syscalls.ts';
import { CHAIN_PATH, type LaunchChain } from '../userns/launch-chain.ts';
import { writeMaps } from '../userns/write-maps.ts';
import { killQuietly, writeAll } from './chain-channel.ts';
import { readWords } from './early-words.ts';
import { hearFirstMoment, type EarlySource } from './first-moment.ts';
import type { ToldInit } from './head-start.ts';

/** How long loading that machinery takes, about. */
const SOON_MS = 2;
/** What a payload that is quick needs on a machine that is busy; and while many containers are started at once, none of their monitors takes the processor to load what it needs later. */
const BRIEF_MS = 3000;

/** A chain that runs, with init at its end. */
export interface Launched {
  /** Host pid of the process that holds the outer namespaces. */
  holder(): number;
  /** Init has its plan. */
  readonly isTold: boolean;
  send(message: MonitorMessage): void;
  /** Calls `hear` for each status line, in order; resolves when every process of the chain has ended. */
  listen(hear: Hear, moment?: FirstMoment): Promise<void>;
  kill(): void;
}

export type Hear = (line: StatusLine) => void;

/** What else there is to hear in the first moment. */
export interface FirstMoment {
  /** Nothing else is waited for by now, so that the process may sleep until the payload has something to say. */
  readonly isBrief: boolean;
  /** What the payload may have to say in a brief life; empty when it has said all. */
  earlySources(): readonly EarlySource[];
  /** Who else may call, and end the brief life by that. */
  callers(): readonly EarlySource[];
  /** Called once, before anything is waited for: from now on the process's events are heard. */
  lasts(): void;
}

export interface LaunchOptions {
  readonly chain: LaunchChain;
  readonly userNamespace: UserNamespace;
  readonly syscalls: () => Syscalls;
}

/** Takes over an init that was forked off ahead, and has its plan. */
export function adopt({ holder: pid, toInit, fromInit, heard }: ToldInit, syscalls: () => Syscalls): Launched {
  return {
    holder: () => pid,
    isTold: true,
    // A plan is larger than what a pipe takes at once, but init reads all the time: writing may block for a moment.
    send: (message) => {
      writeAll(toInit, Buffer.from(`${JSON.stringify(message)}\n`));
    },
    listen: async (hear, moment) => {
      using _watch = onEnd(pid, () => {
        killQuietly(pid);
      });
      for (const line of heard) hear(line);
      const isOver = await hearNow(fromInit, syscalls(), hear, moment);
      if (isOver) closeSync(fromInit);
      else {
        moment?.lasts();
        await readLines(new Socket({ fd: fromInit, readable: true, writable: false }), hear);
      }
      closeSync(toInit);
      // It has closed its end of the channel by ending.
      hear({ event: 'holder_exit', code: syscalls().waitpid(pid) });
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

/** Brings a chain up. The caller's death ends it. USERNS_FAILED when its maps cannot be written. */
export async function launch({ chain, userNamespace, syscalls }: LaunchOptions): Promise<Launched> {
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
    holder: () => firstChild(pid) ?? pid,
    isTold: false,
    send: (message) => void down.write(`${JSON.stringify(message)}\n`),
    listen: async (hear, moment) => {
      moment?.lasts();
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

/**
 * Hears what init says until it offers its stdio, before the machinery is loaded that hears the rest: the payload starts that much sooner. Init is not
 * long about it, and not waited for when it is. In a brief life the payload is heard as well: true when it has ended.
 */
async function hearNow(fd: number, syscalls: Syscalls, hear: Hear, moment?: FirstMoment): Promise<boolean> {
  let [isOpen, hasStdio] = [true, false];
  const words: EarlySource = {
    fd,
    read: () => {
      const lines = readWords(fd);
      isOpen = lines !== undefined;
      for (const line of lines ?? []) {
        hear(line);
        hasStdio ||= line.event === 'init_stdio';
      }
    },
  };
  const payload = (): readonly EarlySource[] => [...(isOpen ? [words] : []), ...(moment?.earlySources() ?? [])];
  const all = (): readonly EarlySource[] => {
    const sources = moment?.isBrief === true ? payload() : [];
    return sources.length === 0 ? [] : [...sources, ...(moment?.callers() ?? [])];
  };
  await hearFirstMoment(all, syscalls, BRIEF_MS);
  if (moment?.isBrief !== true)
    while (isOpen && !hasStdio && syscalls.pollReadable([fd], SOON_MS)[0] === true) words.read();
  return payload().length === 0;
}

/** Undefined: it has none. */
function firstChild(pid: number): number | undefined {
  const child = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').split(' ')[0] ?? '';
  return child === '' ? undefined : Number(child);
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
