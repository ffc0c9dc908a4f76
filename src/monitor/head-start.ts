/**
 * An init that was forked off before hutch has read its command line: what is known of it, the guess that it was started on, and how it is told
 * what to do or given up. The guess is what the last run had (docs/adr/0019-forking-node.md).
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSameIdMap, type UserNamespace } from '../linux/id-map.ts';
import type { Plan } from '../plan/step.ts';
import { planMessage, type StatusLine } from '../protocol/messages.ts';
import { writeTextFile } from '../state/json-file.ts';
import { openSyscalls } from '../syscall/syscalls.ts';
import { killQuietly, writeAll } from './chain-channel.ts';
import { wordsFrom } from './early-words.ts';
import { dismissHelper, helperWords, removeApiSocket, spawnHelper, type StartedHelper } from './network-program.ts';
import { startMount, type StartedMount } from './root-mount.ts';

/** What a run needs to have for an init that was forked off ahead. */
export interface Guess {
  readonly userNamespace: UserNamespace;
  /** A time namespace of its own, with the clocks of the host. */
  readonly hasTime: boolean;
  /** A network namespace of its own, with a helper: no two runs need agree in that. */
  readonly hasHelper: boolean;
}

export interface HeadStart extends Guess {
  /** A child of this process, whose child init is. */
  readonly holder: number;
  /** Children of this process that end, with 0, when the ids are mapped; undefined when they cannot be. */
  readonly mappers: readonly number[] | undefined;
  /** The channel: descriptors of this process. */
  readonly toInit: number;
  readonly fromInit: number;
  /** What has been done with it. */
  readonly progress: {
    isMapped?: boolean;
    /** It was asked for a network namespace. */
    isAsked?: boolean;
    helper?: StartedHelper | undefined;
    /** The run directory, where a helper has its socket. */
    run?: string;
    readonly heard: StatusLine[];
  };
}

/** An init that has its plan. */
export interface ToldInit {
  /** Of the holder, a child of this process, whose child is init. Both end with this process. */
  readonly holder: number;
  readonly toInit: number;
  readonly fromInit: number;
  /** What it has said until now. */
  readonly heard: readonly StatusLine[];
  /** What the next run may guess, where that is more than this one has. */
  readonly nextGuess: Guess | undefined;
  /** The helper of its network, which is not ready yet; undefined where it has none, or its time has not come. */
  readonly helper: StartedHelper | undefined;
  /** The program that mounts its root, which is at work; undefined where it has none, or its time has not come. */
  readonly mount: StartedMount | undefined;
}

export interface TellOptions {
  /** The run directory. */
  readonly run: string;
  readonly trace: boolean;
}

const NAME = 'head-start';

/**
 * The guess for a plan that an init may carry out which was forked off ahead; undefined for any other. Such an init is, to the kernel, Node as the monitor has executed
 * it, on a mount that the user may write to. A payload that could execute `/proc/self/exe` in its place would get hold of that file (CVE-2019-5736), which Landlock
 * prevents; where that is not to be had, or not wanted, init has to be executed from a mount that is read-only.
 */
export function guessOf({ enter, steps }: Pick<Plan, 'enter' | 'steps'>, hasLandlock: boolean): Guess | undefined {
  const { userNamespaces, pid, time, network } = enter;
  if (!hasLandlock || !steps.some(({ kind }) => kind === 'landlock')) return undefined;
  const [userNamespace, nested] = userNamespaces;
  const hasOffset = time !== null && (time.monotonicSeconds !== 0 || time.boottimeSeconds !== 0);
  if (network !== undefined || nested !== undefined || pid !== 'private' || hasOffset) return undefined;
  if (userNamespace.writer === 'parent') return undefined;
  return { userNamespace, hasTime: time !== null, hasHelper: firstHelper({ steps }) !== undefined };
}

/** Keeps the guess for the next run in the run directory `run`. */
export function rememberGuess(run: string, guess: Guess): void {
  writeTextFile(join(run, NAME), JSON.stringify(guess), { durable: false });
}

/** What was kept; undefined when nothing was, or it may be somebody else's. */
export function readGuess(run: string): Guess | undefined {
  try {
    const fd = openSync(join(run, NAME), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if (fstatSync(fd).uid !== process.getuid?.()) return undefined;
      const value: unknown = JSON.parse(readFileSync(fd, 'utf8'));
      return isGuess(value) ? value : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** As far as it has to be one before anything is forked for it. */
function isGuess(value: unknown): value is Guess {
  const { uidMap, gidMap } = (value as Partial<Guess> | null)?.userNamespace ?? {};
  return Array.isArray(uidMap) && Array.isArray(gidMap);
}

/** Has it make its network namespace while the plan is still thought about: the helper that connects it takes longer than all else. Waits for the map of its ids. */
export function askForNetwork(headStart: HeadStart): void {
  if (!isMapped(headStart) || headStart.progress.isAsked === true) return;
  headStart.progress.isAsked = true;
  writeAll(headStart.toInit, Buffer.from(`${JSON.stringify({ event: 'monitor_wants_network' })}\n`));
}

/** Starts the helper that the plan will want, by its words, for the namespace that was asked for; not where that is not there within a few milliseconds. */
export function startNetwork({ progress, fromInit }: HeadStart, words: readonly string[], run: string): void {
  if (progress.isAsked !== true || progress.helper !== undefined) return;
  progress.run = run;
  for (const lines of wordsFrom(fromInit, openSyscalls(), SOON_MS)) {
    progress.heard.push(...lines);
    if (!lines.some(({ event }) => event === 'init_has_network')) continue;
    const init = progress.heard.find(({ event }) => event === 'init_started');
    if (init?.event === 'init_started') progress.helper = spawnQuietly(words, init.pid, run);
    return;
  }
}

/** Undefined: the monitor tries again, and clears up when it cannot either. */
function spawnQuietly(words: readonly string[], init: number, run: string): StartedHelper | undefined {
  removeApiSocket(run);
  try {
    return spawnHelper(helperWords(words, run), init);
  } catch {
    return undefined;
  }
}

/**
 * Sends the plan to an init that was forked off ahead, before the monitor is ready, so that both make ready at once; init does the steps up to the first
 * that waits for the monitor: without it no payload runs. Undefined, and the init is gone, when the plan wants another or its ids could not be mapped.
 */
export function tellEarly(headStart: HeadStart, plan: Plan, { run, trace }: TellOptions): ToldInit | undefined {
  const guess = guessOf(plan, openSyscalls().landlockAbi() > 0);
  const { holder, toInit, fromInit } = headStart;
  const isOther = headStart.progress.isAsked === true && !hasOwnNetwork(plan);
  if (!isMapped(headStart) || guess === undefined || !isSame(guess, headStart) || isOther) {
    discard(headStart);
    return undefined;
  }
  const mount = mountFor(holder, plan);
  writeAll(toInit, Buffer.from(`${JSON.stringify(planMessage(plan, trace))}\n`));
  const nextGuess = guess.hasHelper && !headStart.hasHelper ? guess : undefined;
  return { holder, toInit, fromInit, nextGuess, mount, ...helperFor(headStart, plan, run) };
}

/** What the root is mounted with is started before init asks for it: all that it needs is there. Undefined: the monitor tries again, and says why not. */
function mountFor(holder: number, plan: Plan): StartedMount | undefined {
  const words = firstHelper(plan, 'rootfs');
  if (words === undefined) return undefined;
  try {
    return startMount(words, { holder, becomesRoot: false });
  } catch {
    return undefined;
  }
}

function hasOwnNetwork({ steps }: Plan): boolean {
  return steps.some((step) => step.kind === 'unshare' && step.namespaces.includes('network'));
}

/** What it has said, and the helper that was started for it, unless the plan has come to want another. */
function helperFor({ progress, fromInit }: HeadStart, plan: Plan, run: string): Pick<ToldInit, 'heard' | 'helper'> {
  const { helper, heard } = progress;
  const words = helperWords(firstHelper(plan) ?? [], run);
  if (helper === undefined) return startHelper(fromInit, plan, { run, heard });
  if (words.join('\0') === helper.words.join('\0')) return { heard, helper };
  dismissHelper(helper);
  return { heard, helper: undefined };
}

/** The words of the helper for `what`, where that is the first thing the plan asks for. */
function firstHelper(
  { steps }: Pick<Plan, 'steps'>,
  what: 'network' | 'rootfs' = 'network',
): readonly string[] | undefined {
  const first = steps.find(({ kind }) => ASKS.has(kind));
  return first?.kind === 'wait_for' && first.what === what ? first.helper : undefined;
}

/**
 * The helper of a network takes longer than all that the monitor has to do until then. So it is started as soon as init asks for it, unless the monitor has something
 * else to do for init first.
 */
function startHelper(
  fromInit: number,
  plan: Plan,
  { run, heard }: { readonly run: string; readonly heard: StatusLine[] },
): Pick<ToldInit, 'heard' | 'helper'> {
  if (firstHelper(plan) === undefined) return { heard, helper: undefined };
  for (const lines of wordsFrom(fromInit, openSyscalls(), SOON_MS)) {
    heard.push(...lines);
    const init = heard.find(({ event }) => event === 'init_started');
    const asked = lines.find(({ event }) => event === 'init_waits');
    if (init?.event === 'init_started' && asked?.event === 'init_waits') {
      return { heard, helper: spawnQuietly(asked.helper, init.pid, run) };
    }
  }
  return { heard, helper: undefined };
}

/** Steps in which init asks the monitor for something. */
const ASKS: ReadonlySet<string> = new Set(['wait_for', 'join_cgroup', 'publish_ports', 'limit_network']);
/** How long init needs to come to it, at most. */
const SOON_MS = 5;

/** Ends an init that is not wanted; returns when nothing of it is left. */
export function discard(headStart: HeadStart): void {
  const { holder, toInit, fromInit, progress } = headStart;
  if (progress.helper !== undefined) dismissHelper(progress.helper);
  if (progress.run !== undefined) removeApiSocket(progress.run);
  for (const fd of [toInit, fromInit]) closeSync(fd);
  killQuietly(holder);
  openSyscalls().waitpid(holder);
  isMapped(headStart);
}

/** Waits for those that map the ids, once. */
function isMapped({ mappers, progress }: HeadStart): boolean {
  return (progress.isMapped ??=
    mappers?.map((pid) => openSyscalls().waitpid(pid)).every((code) => code === 0) === true);
}

function isSame(one: Guess, other: Guess): boolean {
  const [a, b] = [one.userNamespace, other.userNamespace];
  return (
    one.hasTime === other.hasTime &&
    a.writer === b.writer &&
    isSameIdMap(a.uidMap, b.uidMap) &&
    isSameIdMap(a.gidMap, b.gidMap)
  );
}
