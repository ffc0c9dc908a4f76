/** The program that mounts a container's root from the outer pid namespace, where the container cannot see it; in the monitor, on the host's side. */
import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { HutchError } from '../errors/hutch-error.ts';
import { requireTool } from '../host/run-tool.ts';
import { CLOSE_RANGE_CLOEXEC } from '../linux/flags.ts';
import { sparePipe } from '../syscall/spare-pipe.ts';
import { startTool } from '../syscall/start-tool.ts';
import { openSyscalls, type Syscalls } from '../syscall/syscalls.ts';
import { CHAIN_PATH } from '../userns/launch-chain.ts';
import { killQuietly } from './chain-channel.ts';
import type { EarlySource } from './first-moment.ts';

/** More than it says at once. */
const WORDS_BYTES = 4096;
const TIMEOUT_MS = 60_000;

/** One that was started: a child of this process, and a descriptor of this process that is at its end when the child is. */
export interface StartedMount {
  readonly program: string;
  readonly pid: number;
  readonly stderr: number;
  /** What was read of that. */
  readonly said: string[];
}

export interface MountOptions {
  /** Host pid of the process that holds the outer namespaces. */
  readonly holder: number;
  /** Host root must become the root that the store's files belong to; anybody else is that already. */
  readonly becomesRoot: boolean;
}

/**
 * Starts the program with the words `helper` in the namespaces of the holder, and does not wait. It ends with 0 when the root is mounted; what serves the
 * mount ends with the holder. HOST_TOOL_MISSING, SyscallError when it cannot be executed. Source: nsenter(1).
 */
export function startMount(helper: readonly string[], { holder, becomesRoot }: MountOptions): StartedMount {
  const nsenter = requireTool('nsenter', 'mount the root of the container');
  const syscalls = openSyscalls();
  // What hutch has inherited stays out of it: it lives as long as the container.
  syscalls.close_range(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  const [from, to] = sparePipe(syscalls);
  const enter = [...(becomesRoot ? [] : ['--preserve-credentials']), '-t', String(holder)];
  try {
    const words = [...enter, '--user', '--mount', '--pid', '--', ...helper];
    const pid = startTool(nsenter, words, { searchPath: CHAIN_PATH, descriptors: { 2: to }, ownSession: true });
    return { program: helper[0] ?? '', pid, stderr: from, said: [] };
  } catch (error) {
    closeSync(from);
    throw error;
  } finally {
    closeSync(to);
  }
}

/** Where the end of one is seen without waiting for events: calls `ended` once, with what has failed. */
export function mountSource(
  started: StartedMount,
  syscalls: Syscalls,
  ended: (failure: HutchError | undefined) => void,
): EarlySource {
  const { stderr, said } = started;
  const read = (): void => {
    const buffer = Buffer.alloc(WORDS_BYTES);
    const length = readSync(stderr, buffer);
    said.push(buffer.toString('utf8', 0, length));
    if (length > 0) return;
    closeSync(stderr);
    ended(collect(started, syscalls));
  };
  return { fd: stderr, read };
}

/** The same by events. Rejects with what has failed. */
export async function awaitMount(started: StartedMount, syscalls: Syscalls): Promise<void> {
  const { pid, stderr, said } = started;
  const pipe = new Socket({ fd: stderr, readable: true, writable: false });
  pipe.setEncoding('utf8').on('data', (text: string) => said.push(text));
  pipe.on('error', () => undefined);
  const timer = setTimeout(() => {
    said.push(`it did not end within ${String(TIMEOUT_MS / 1000)} s`);
    killQuietly(pid);
    // What it has started may hold the other end.
    pipe.destroy();
  }, TIMEOUT_MS);
  await new Promise((resolve) => pipe.once('close', resolve));
  clearTimeout(timer);
  const failure = collect(started, syscalls);
  if (failure !== undefined) throw failure;
}

/** Ends one whose end nobody waits for. */
export function dismissMount({ pid, stderr }: StartedMount, syscalls: Syscalls): void {
  closeSync(stderr);
  killQuietly(pid);
  syscalls.waitpid(pid);
}

/** Waits for one that has ended. Returns what has failed. */
function collect({ program, pid, said }: StartedMount, syscalls: Syscalls): HutchError | undefined {
  const code = syscalls.waitpid(pid);
  if (code === 0) return undefined;
  // fuse-overlayfs hands options of its own to a library that does not know them.
  const told = said
    .join('')
    .split('\n')
    .filter((text) => text !== '' && !text.startsWith('unknown argument ignored'));
  const reason = told.length === 0 ? `it ended with code ${String(code)}` : told.join('; ');
  return new HutchError(`${program} could not mount the root: ${reason}`, {
    code: 'DRIVER_UNAVAILABLE',
    hint: 'run `hutch doctor`, or choose another driver with --storage-driver',
  });
}
