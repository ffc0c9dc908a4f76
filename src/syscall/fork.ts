/**
 * Forking Node: a child that goes on with JavaScript, on the main thread of the program that calls. V8 keeps its heap from children by
 * madvise(2) MADV_DONTFORK, which is taken back first. The child has this one thread: it may call functions and system calls, but nothing
 * of Node's that works in the background, and it ends by execve(2), _exit(2) or hold() (docs/adr/0019-forking-node.md).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { MADV_DOFORK, MAP, PROT } from '../linux/flags.ts';
import { HOLDER_PROGRAM } from './holder-program.ts';
import { loadKoffi } from './koffi.ts';
import { nowMs } from './now-ms.ts';
import { SyscallError } from './syscall-error.ts';

/** clone(2). Source: the kernel's system call tables. */
const CLONE_NUMBER: Readonly<Record<string, number>> = { x64: 56, arm64: 220 };
const PAGE = 4096;
/** How long a thread takes to fall asleep, about. */
const SHORTLY_US = 100;

/** Exit code of a child whose work has failed, or has come to its end. */
export const FORK_FAILED = 125;

export type Fork = ReturnType<typeof openFork>;

/** Binds what is needed. Throws a plain Error on a processor for which hutch has no program for holders. */
export function openFork() {
  const number = CLONE_NUMBER[process.arch];
  const holder = HOLDER_PROGRAM[process.arch];
  if (number === undefined || holder === undefined) throw new Error(`hutch cannot fork on ${process.arch}`);
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const exit = libc.func('_exit', 'void', ['int']) as unknown as (code: number) => never;
  const madvise = libc.func('madvise', 'int', ['uint64', 'uint64', 'int']) as unknown as Call;
  const clone = libc.func('syscall', 'long', ['long', 'long', 'long', 'long', 'long', 'long']) as unknown as Call;
  const usleep = libc.func('usleep', 'int', ['uint']) as unknown as Call;
  const mmap = libc.func('mmap', 'int64', ['uint64', 'size_t', 'int', 'int', 'int', 'int64']) as unknown as Call;
  const shared = gapsBetween(unforkable(), USER_MEMORY_END);

  /** V8 may have got new memory at any time, and children need all of it: nothing of JavaScript's may come between this and clone(2). */
  const shareMemory = (): void => {
    for (const { from, length } of shared) madvise(from, length, MADV_DOFORK);
  };
  // Compiled and bound before it counts.
  shareMemory();

  return {
    /**
     * Waits until all other threads of this process sleep, so that none holds a lock that the child would find locked for ever: Node's threads
     * are busy for a moment when they begin. False when that takes longer than `timeoutMs`, or the kernel does not tell.
     * Source: proc_pid_syscall(5).
     */
    quiesce: (timeoutMs: number): boolean => {
      if (!existsSync('/proc/self/syscall')) return false;
      const deadline = nowMs() + timeoutMs;
      while (!doOthersSleep()) {
        if (nowMs() > deadline) return false;
        usleep(SHORTLY_US);
      }
      return true;
    },
    /**
     * Forks, into the new namespaces that `flags` of clone(2) name. `work` is done by the child alone, which never returns from here: when it
     * throws, or comes to its end, the child tells `fail` and ends. Returns the child's pid. Throws SyscallError when there is none.
     */
    fork: (flags: number, work: () => void, fail: (error: unknown) => void): number => {
      shareMemory();
      const pid = clone(number, flags | constants.signals.SIGCHLD, 0, 0, 0, 0);
      if (pid < 0) throw new SyscallError('clone', koffi.errno());
      if (pid > 0) return pid;
      try {
        work();
      } catch (error) {
        fail(error);
      } finally {
        exit(FORK_FAILED);
      }
      return pid;
    },
    /**
     * Turns this process, which must be a fork, into one that waits for its child `pid` and ends as that does. It keeps its descriptors and the
     * name in its title, and gives back all other memory: what it shares with its parent would stay in memory for as long as it lives.
     */
    hold: (pid: number): never => {
      const [code, work] = [newPage(), newPage()];
      const copyIn = libc.func('memcpy', 'uint64', ['uint64', 'void *', 'size_t']) as unknown as Call;
      const mprotect = libc.func('mprotect', 'int', ['uint64', 'size_t', 'int']) as unknown as Call;
      const thread = (libc.func('pthread_self', 'uint64', []) as unknown as Call)();
      // The kernel writes to the data of a thread whenever that has its turn (rseq(2)).
      const isKept = ({ from, to, name }: Mapping): boolean =>
        IS_KEPT.test(name) || from === code || from === work || (from <= thread && thread < to);
      const all = splitAt(mappingsIn(readMaps()), [code, work]);
      const ranges = gapsBetween(all.filter(isKept), all.at(-1)?.to ?? 0);
      const words = [pid, 0, ...ranges.flatMap(({ from, length }) => [from, length]), 0, 0];
      const bytes = Buffer.alloc(words.length * 8);
      words.forEach((word, index) => bytes.writeBigInt64LE(BigInt(word), index * 8));
      const text = Buffer.from(holder, 'hex');
      copyIn(work, bytes, bytes.length);
      copyIn(code, text, text.length);
      mprotect(code, PAGE, PROT.READ | PROT.EXEC);
      koffi.call(code, koffi.proto('void', ['uint64']), work);
      return exit(FORK_FAILED);
    },
    /** Ends this process, a fork, without what Node does at an end. */
    exit,
  };

  function newPage(): number {
    const address = mmap(0, PAGE, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS, -1, 0);
    if (address < 0) throw new SyscallError('mmap', koffi.errno());
    return address;
  }
}

type Call = (...values: unknown[]) => number;

/** Calls in which a thread holds no lock: epoll_wait(2), epoll_pwait(2), and futex(2) as condition variables use it, not mutexes. */
const SLEEPS: Readonly<Record<string, RegExp>> = {
  x64: /^(?:232|281|202 0x[0-9a-f]+ 0x1?89) /,
  arm64: /^(?:22|98 0x[0-9a-f]+ 0x1?89) /,
};

function doOthersSleep(): boolean {
  const own = String(process.pid);
  return readdirSync('/proc/self/task').every((thread) => thread === own || isAsleep(thread));
}

function isAsleep(thread: string): boolean {
  try {
    return SLEEPS[process.arch]?.test(readFileSync(`/proc/self/task/${thread}/syscall`, 'latin1')) === true;
  } catch {
    return false;
  }
}

interface Mapping {
  readonly from: number;
  readonly to: number;
  readonly name: string;
}

interface Range {
  readonly from: number;
  readonly length: number;
}

/** A line of /proc/PID/maps: from, to, name. */
const LINE = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)$/gm;
/** How the name begins of what madvise(2) refuses to have forked, together with all that lies behind: devices and pages of the kernel's. */
const UNFORKABLE = ['anon_inode:', '/dev/', '[v'];
/** The stack has the words that ps(1) shows; the rest is the kernel's and takes no memory. */
const IS_KEPT = /^\[(?:stack|v)/;
/** Beyond it only the kernel has mappings. */
const USER_MEMORY_END = 2 ** 52;

function readMaps(): string {
  return readFileSync('/proc/self/maps', 'latin1');
}

function mappingsIn(lines: string): Mapping[] {
  return [...lines.matchAll(LINE)]
    .map(([, from = '', to = '', name = '']) => ({
      from: Number.parseInt(from, 16),
      to: Number.parseInt(to, 16),
      name,
    }))
    .filter(({ to }) => to < USER_MEMORY_END);
}

/** In order. Few of the lines are read: all of them would take as long as the fork. */
function unforkable(): Mapping[] {
  const maps = readMaps();
  const lines = UNFORKABLE.flatMap((name) => linesWith(maps, ` ${name}`));
  return mappingsIn(lines.join('\n'))
    .filter(({ name }) => UNFORKABLE.some((start) => name.startsWith(start)))
    .toSorted((a, b) => a.from - b.from);
}

function linesWith(text: string, word: string): string[] {
  const lines: string[] = [];
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at)) {
    const start = text.lastIndexOf('\n', at) + 1;
    at = text.indexOf('\n', at);
    lines.push(text.slice(start, at));
  }
  return lines;
}

/** The kernel shows neighbours that are alike as one mapping: here each of these pages is one of its own. */
function splitAt(all: readonly Mapping[], pages: readonly number[]): Mapping[] {
  return pages.reduce<Mapping[]>(
    (parts, page) =>
      parts.flatMap((part) => {
        if (page < part.from || page >= part.to) return [part];
        const cuts = [part.from, page, page + PAGE, part.to];
        return [0, 1, 2]
          .map((index) => ({ ...part, from: cuts[index] ?? 0, to: cuts[index + 1] ?? 0 }))
          .filter(({ from, to }) => to > from);
      }),
    [...all],
  );
}

/** What lies between mappings, from the first address to `end`: all that is not of them now, and whatever is added later. */
function gapsBetween(some: readonly Mapping[], end: number): Range[] {
  const starts = [0, ...some.map(({ to }) => to)];
  const ends = [...some.map(({ from }) => from), end];
  return starts
    .map((from, index) => ({ from, length: (ends[index] ?? from) - from }))
    .filter(({ length }) => length > 0);
}
