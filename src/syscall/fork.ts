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
  const maps = readMaps();
  const shared = gapsBetween(named(maps, UNFORKABLE), USER_MEMORY_END);

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
      // The kernel writes to the data of a thread whenever that has its turn (rseq(2)).
      const thread = pageOf((libc.func('pthread_self', 'uint64', []) as unknown as Call)());
      const own = { from: thread - THREAD_PAGES * PAGE, to: thread + (THREAD_PAGES + 1) * PAGE };
      const pages = [code, work].map((page) => ({ from: page, to: page + PAGE }));
      const kept = [...named(maps, KEPT), own, ...pages].toSorted((a, b) => a.from - b.from);
      // Nothing lies above the stack but what is kept.
      const ranges = gapsBetween(kept, kept.at(-1)?.to ?? 0);
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

/** How the name begins of what madvise(2) refuses to have forked, together with all that lies behind: devices and pages of the kernel's. */
const UNFORKABLE = ['anon_inode:', '/dev/', '[v'];
/** How the name begins of what a holder keeps: the stack, which has the words that ps(1) shows, and what is the kernel's and takes no memory. */
const KEPT = ['[stack', '[v'];
/** What the C library knows of a thread lies on both sides of its pthread_t, in less than that. */
const THREAD_PAGES = 2;
/** Beyond it only the kernel has mappings. */
const USER_MEMORY_END = 2 ** 52;

function readMaps(): string {
  return readFileSync('/proc/self/maps', 'latin1');
}

/** The mappings whose names begin with one of `names`, in order. Few lines are read: all of them would take as long as the fork. */
function named(maps: string, names: readonly string[]): Mapping[] {
  return names
    .flatMap((name) => linesWith(maps, ` ${name}`))
    .map(mappingIn)
    .filter(({ to, name }) => to < USER_MEMORY_END && names.some((start) => name.startsWith(start)))
    .toSorted((a, b) => a.from - b.from);
}

/** Source: proc_pid_maps(5). The name may have spaces in it. */
function mappingIn(line: string): Mapping {
  const [addresses = '', _permissions, _offset, _device, _inode, ...name] = line.split(' ');
  const [from = '', to = ''] = addresses.split('-');
  return { from: Number.parseInt(from, 16), to: Number.parseInt(to, 16), name: name.join(' ').trim() };
}

function pageOf(address: number): number {
  return address - (address % PAGE);
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

/** What lies between mappings, which may overlap, in order, from the first address to `end`: all that is not of them now, and whatever is added later. */
function gapsBetween(some: readonly Pick<Mapping, 'from' | 'to'>[], end: number): Range[] {
  const gaps: Range[] = [];
  let reached = 0;
  for (const { from, to } of [...some, { from: end, to: end }]) {
    if (from > reached) gaps.push({ from: reached, length: from - reached });
    reached = Math.max(reached, to);
  }
  return gaps;
}
