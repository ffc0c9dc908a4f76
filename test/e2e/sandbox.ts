/** Runs the built program with a home, a store and a run directory that belong to one test file alone. */

import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { after } from 'node:test';
import { loginOf, TOLD_FILES } from '../../src/engine/container/tell-once.ts';
import { readSession } from '../../src/host/session.ts';
import { chooseMaps } from '../../src/userns/choose-maps.ts';
import { removeInUserns } from '../../src/userns/run-in-userns.ts';
import { busyboxArchive } from './busybox-archive.ts';
import { adoptOrphans, remaining } from './processes.ts';

export const HUTCH = path.join(import.meta.dirname, '../../dist/hutch');
/** The image that importBusybox() makes. */
export const BUSYBOX = 'box:test';
/** A directory that stays, so that a download can be taken up again. */
const KEPT_FOR_DOWNLOADS = 'staging/downloads';
const TIMEOUT_MS = 60_000;

export interface Outcome {
  /** Exit code, or null after a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A command that runs hutch as its last arguments. */
  readonly wrapper?: readonly string[];
}

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export interface Sandbox {
  readonly directory: string;
  readonly data: string;
  readonly run: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs hutch to its end. */
  hutch(argv: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Starts hutch with pipes for its three streams. */
  start(argv: readonly string[], options?: RunOptions): Child;
  /** `hutch run --rm --net none FLAGS host sh -c SCRIPT`. */
  inHost(script: string, ...flags: readonly string[]): Promise<Outcome>;
  /** The same with the image that importBusybox() has made. */
  inBusybox(script: string, ...flags: readonly string[]): Promise<Outcome>;
  /** Writes a file below the sandbox and returns its path. */
  file(name: string, content: string | Buffer): string;
}

/** Why nothing of these tests can run here; false when they can. */
export function hostSkip(): string | false {
  if (process.getuid?.() === 0) return 'needs an ordinary user';
  const probe = spawnSync('unshare', ['--user', '--map-root-user', 'true'], { encoding: 'utf8' });
  return probe.status === 0 ? false : `no user namespaces: ${probe.stderr.trim()}`;
}

/** Why tests with several ids cannot run here; false when they can. */
export async function idsSkip(): Promise<string | false> {
  const reason = hostSkip();
  return reason === false ? ((await chooseMaps()).reducedBecause ?? false) : reason;
}

/** A sandbox of its own; it is removed after the last test of the file, and all that it has started must be gone by then. */
export function makeSandbox(): Sandbox {
  const directory = mkdtempSync(path.join(tmpdir(), 'hutch-e2e-'));
  const [data, run] = [path.join(directory, 'data'), path.join(directory, 'run/hutch')];
  mkdirSync(run, { recursive: true, mode: 0o700 });
  // What a container's life depends on here is told already: tests look at stderr.
  writeFileSync(path.join(run, TOLD_FILES.life), loginOf(readSession()));
  mkdirSync(path.join(directory, 'home'), { mode: 0o700 });
  const registries = path.join(directory, 'registries.conf');
  // A test that mistypes a name must not go to the world outside.
  writeFileSync(registries, '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\nblocked = true\n');
  const env: NodeJS.ProcessEnv = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'C.UTF-8',
    HOME: path.join(directory, 'home'),
    HUTCH_DATA: data,
    XDG_RUNTIME_DIR: path.dirname(run),
    CONTAINERS_REGISTRIES_CONF: registries,
  };
  adoptOrphans();
  after(() => cleanUp(directory));
  const start: Sandbox['start'] = (argv, options = {}) => startHutch({ directory, env }, argv, options);
  const hutch: Sandbox['hutch'] = (argv, options = {}) => outcomeOf(start(argv, options), options.input);
  const within =
    (image: string) =>
    (script: string, ...flags: readonly string[]) =>
      hutch(['run', '--rm', '--net', 'none', ...flags, image, 'sh', '-c', script]);
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(path.join(directory, name), content);
    return path.join(directory, name);
  };
  return { directory, data, run, env, hutch, start, inHost: within('host'), inBusybox: within(BUSYBOX), file };
}

function startHutch(
  { directory, env }: Pick<Sandbox, 'directory' | 'env'>,
  argv: readonly string[],
  options: RunOptions,
): Child {
  const [program = '', ...args] = [...(options.wrapper ?? []), HUTCH, ...argv];
  return spawn(program, args, {
    cwd: options.cwd ?? directory,
    env: { ...env, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Reads a process to its end. Without `input` its stdin is empty. Fails when it takes longer than a minute. */
export function outcomeOf(child: Child, input?: string | Buffer): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined).end(input ?? '');
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`no end within ${TIMEOUT_MS} ms; stdout: ${stdout.slice(-500)}; stderr: ${stderr.slice(-500)}`));
    }, TIMEOUT_MS);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

async function cleanUp(directory: string): Promise<void> {
  const left = await remaining();
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    await removeInUserns([directory]);
  }
  assert.equal(left, '', 'processes are left');
}

/** Imports the busybox image into the sandbox's store. */
export async function importBusybox(box: Sandbox): Promise<void> {
  const archive = box.file('busybox.tar', busyboxArchive());
  const { code, stderr } = await box.hutch(['image', 'import', archive, BUSYBOX]);
  assert.equal(code, 0, stderr);
}

/** Asserts that hutch said nothing on stderr and ended with `code`; returns what it printed. */
export function printed(outcome: Outcome, code = 0): string {
  assert.equal(outcome.stderr, '');
  assert.deepEqual([outcome.code, outcome.signal], [code, null]);
  return outcome.stdout;
}

/** Asserts one clear error: what failed, at which step, what to do, nothing else; exit code 125, nothing on stdout. */
export function assertRefused(outcome: Outcome, message: RegExp, code = 125): void {
  assert.match(outcome.stderr, message);
  assert.match(outcome.stderr, /^hutch: [^\n]+\n(?: {2}(?:step|for): [^\n]+\n)* {2}fix: [^\n]+\n$/u);
  assert.equal(outcome.stdout, '');
  assert.deepEqual([outcome.code, outcome.signal], [code, null]);
}

/** Paths below the store and the run directory that belong to containers or half-made things: empty when there are none. */
export function containerTraces(box: Sandbox): string[] {
  const places = ['containers', 'names', 'staging'].map((name) => path.join(box.data, name));
  return [...places, path.join(box.run, 'running')]
    .filter((place) => existsSync(place))
    .flatMap((place) => readdirSync(place).map((name) => path.join(path.basename(place), name)))
    .filter((trace) => trace !== KEPT_FOR_DOWNLOADS);
}

/** Lines of this host's mount table that belong to a sandbox, or to a file system in user space. */
export function hostMounts(box: Sandbox): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(box.directory) || line.includes('fuse-overlayfs'));
}
