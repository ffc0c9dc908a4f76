/**
 * Rounds of one operation each, in which one of its processes is killed at a random moment; for the chaos tests. HUTCH_TEST_SEED repeats the
 * choices of a run, if not its timing; HUTCH_TEST_ROUNDS makes it longer.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TOLD_FILES } from '../../src/engine/container/tell-once.ts';
import { randomness, type Random } from '../helpers/random-conditions.ts';
import { descendants, remaining, type SeenProcess } from './processes.ts';
import { BUSYBOX, containerTraces, hostMounts, outcomeOf, type Outcome, type Sandbox } from './sandbox.ts';

export const SEED = Number(process.env['HUTCH_TEST_SEED'] ?? '') || 20_241;

/** What may be killed, by how its command line looks. */
const VICTIMS = {
  launcher: /dist\/hutch /u,
  cli: /(?:hutch|run)\.cjs |^hutch monitor |monitor\.cjs /u,
  init: /init\.cjs|^hutch-init/u,
  holder: /hutch-holder|^unshare /u,
  network: /^(?:\S*\/)?slirp4netns /u,
  root: /^(?:\S*\/)?(?:nsenter .*)?fuse-overlayfs /u,
  program: /(?:unpack|pack|make-seam|send|receive)\.cjs/u,
  payload: /^(?:sleep|sh -c|cat) /u,
} as const;
export type Victim = keyof typeof VICTIMS;

/** Each time so many rounds are over, `check --repair` comes before anything else. */
const CHECKED_ROUND = 5;

export interface Operation {
  readonly argv: readonly string[];
  /** Commands that must work first, and are not disturbed. */
  readonly before?: readonly (readonly string[])[];
  /** How long it takes when nobody disturbs it, in milliseconds: the kill falls into that time or a little behind. */
  readonly usualMs: number;
  readonly victims: readonly Victim[];
}

export interface ChaosOptions {
  readonly rounds: number;
  /** The control: each of them was there to be killed at least once. Some live for milliseconds, so there are more rounds where one was missed. */
  readonly mustHit: readonly Victim[];
  /** An operation about a container of this name, which nobody else uses. */
  readonly next: (random: Random, name: string) => Operation;
}

/** So many times the rounds are enough to meet everybody. */
const PATIENCE = 4;

/** How many rounds a file does: its share of 500, or of HUTCH_TEST_ROUNDS, and enough of them that each victim is met. */
export function roundsOf(share: number): number {
  return Math.max(50, Math.ceil((Number(process.env['HUTCH_TEST_ROUNDS'] ?? '') || 500) * share));
}

/** Disturbs operations; asserts that after each nothing is left which should not be, and that the next command works. */
export async function chaos(box: Sandbox, { rounds, mustHit, next }: ChaosOptions): Promise<void> {
  const random = randomness(SEED, []);
  const missed = new Set(mustHit);
  const found: string[] = [];
  for (let round = 0; round < rounds || (missed.size > 0 && round < rounds * PATIENCE); round += 1) {
    const name = `c${round}`;
    const operation = next(random, name);
    const place = `round ${round} of seed ${SEED}: hutch ${operation.argv.join(' ')}`;
    for (const argv of operation.before ?? []) assertDone(await box.hutch(argv), place);
    const { outcome, victim } = await disturb(box, operation, random);
    if (victim !== undefined) missed.delete(victim);
    // Mostly the next command comes without a check before it: it has to cope by itself.
    const checked = round % CHECKED_ROUND === 0 ? await mended(box) : [];
    const faults = [...notInWords(outcome), ...checked, ...(await tidy(box, name))];
    found.push(...faults.map((fault) => `${place}, ${victim ?? 'nobody'} killed: ${fault}`));
    if (found.length > 20) break;
  }
  assert.deepEqual([...found, ...(await mended(box))], []);
  assert.deepEqual([...missed], [], 'control: who was never hit');
}

/** Right after a kill: what `check --repair` cannot mend, or finds again. */
async function mended(box: Sandbox): Promise<string[]> {
  const repair = await box.hutch(['check', '--repair']);
  const again = await box.hutch(['check']);
  return [
    ...(repair.code === 0 && repair.stderr === '' ? [] : [`check --repair: ${repair.stdout}${repair.stderr}`]),
    ...(again.code === 0 && again.stderr === '' ? [] : [`check: ${again.stdout}${again.stderr}`]),
  ];
}

function assertDone(outcome: Outcome, place: string): void {
  assert.equal(outcome.code, 0, `${place}: ${outcome.stderr}`);
}

async function disturb(
  box: Sandbox,
  operation: Operation,
  random: Random,
): Promise<{ outcome: Outcome; victim: Victim | undefined }> {
  const child = box.start(operation.argv);
  const ended = outcomeOf(child);
  const delay = random.below(Math.ceil(operation.usualMs * 1.2));
  const victim = random.pick(operation.victims);
  await sleep(delay);
  const target = pickTarget(victim, random);
  if (target !== undefined) kill(target);
  return { outcome: await ended, victim: target === undefined ? undefined : victim };
}

function pickTarget(victim: Victim, random: Random): SeenProcess | undefined {
  const found = descendants().filter(({ command }) => VICTIMS[victim].test(command));
  return found.length === 0 ? undefined : random.pick(found);
}

function kill({ pid }: SeenProcess): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was quicker, or belongs to an id of the container.
  }
}

/** Killed or not: no crash of hutch itself reaches the user. */
function notInWords({ stderr, stdout }: Outcome): string[] {
  const text = stderr + stdout;
  return /bug in hutch|^\s+at /mu.test(text) ? [text] : [];
}

let known = new Set<string>();

/** The container goes, whatever became of it. What is left then, or does not work, that was not so before. */
async function tidy(box: Sandbox, name: string): Promise<string[]> {
  const { stderr, code } = await box.hutch(['rm', '-f', name]);
  const running = await remaining(5000);
  const next = await box.hutch(['run', '--rm', '--net', 'none', BUSYBOX, 'true']);
  const left = [...containerTraces(box), ...hostMounts(box), ...strays(box)];
  const fresh = left.filter((trace) => !known.has(trace));
  known = new Set(left);
  return [
    ...(code === 0 || stderr.includes('there is no container') ? [] : [`rm -f: ${stderr}`]),
    ...(running === '' ? [] : [`processes: ${running}`]),
    ...(next.code === 0 && next.stderr === '' ? [] : [`the next command: ${JSON.stringify(next)}`]),
    ...fresh.map((trace) => `left: ${trace}`),
  ];
}

const AT_HOME = new Set(['head-start', 'probes.json', 'running', 'monitors', ...Object.values(TOLD_FILES)]);

/** What lies in the run directory and is not always there. */
function strays(box: Sandbox): string[] {
  const sockets = path.join(box.run, 'monitors');
  return [
    ...readdirSync(box.run).filter((name) => !AT_HOME.has(name)),
    ...(existsSync(sockets) ? readdirSync(sockets) : []),
  ];
}
