/** A child of this process that makes prepared system calls and executes a program; in the program that calls, on its main thread. */
import { constants } from 'node:os';
import { CLONE_VFORK, MAP, PROT } from '../linux/flags.ts';
import { CHILD_PROGRAM } from './child-program.ts';
import { loadKoffi } from './koffi.ts';
import { SyscallError } from './syscall-error.ts';

/** What only children call; the rest of the numbers is in syscalls.ts. Source: the kernel's system call tables. */
const NUMBERS: Readonly<Record<string, Readonly<Record<ChildCallName, number>>>> = {
  x64: {
    ...{
      setsid: 112,
      ioctl: 16,
      setns: 308,
      prlimit64: 302,
      prctl: 157,
      setgroups: 116,
      setresgid: 119,
      setresuid: 117,
    },
    ...{ capset: 126, umask: 95, rt_sigaction: 13, rt_sigprocmask: 14, fcntl: 72, close_range: 436 },
    ...{ landlock_restrict_self: 446, seccomp: 317, execve: 59, clone: 56 },
  },
  arm64: {
    ...{
      setsid: 157,
      ioctl: 29,
      setns: 268,
      prlimit64: 261,
      prctl: 167,
      setgroups: 159,
      setresgid: 149,
      setresuid: 147,
    },
    ...{ capset: 91, umask: 166, rt_sigaction: 134, rt_sigprocmask: 135, fcntl: 25, close_range: 436 },
    ...{ landlock_restrict_self: 446, seccomp: 277, execve: 221, clone: 220 },
  },
};

export type ChildCallName =
  | 'setsid'
  | 'ioctl'
  | 'setns'
  | 'prlimit64'
  | 'prctl'
  | 'setgroups'
  | 'setresgid'
  | 'setresuid'
  | 'capset'
  | 'umask'
  | 'rt_sigaction'
  | 'rt_sigprocmask'
  | 'fcntl'
  | 'close_range'
  | 'landlock_restrict_self'
  | 'seccomp'
  | 'execve'
  | 'clone';

/** A number, bytes to point at, strings as an array of pointers with a null behind, or (in `at`) bytes with pointers in them. */
export type ChildArgument =
  | number
  | bigint
  | Buffer
  | readonly string[]
  | { readonly bytes: Buffer; readonly pointers: Readonly<Record<number, Buffer>> };

export interface ChildCall {
  readonly name: ChildCallName;
  readonly arguments: readonly ChildArgument[];
  /** Errno numbers up to 63 after which the child goes on. */
  readonly tolerated?: readonly number[];
  /** For clone(2): who gets the pid of a child ends with exit code 0; the rest of the list is the new child's. */
  readonly handsOver?: true;
}

export interface Spawned {
  /** The child in this process's pid namespace; it is to be waited for in any case. */
  readonly pid: number;
  /** Per call that was made: 0 or more, or a negative errno. The last is that of a failure, unless the program was executed. */
  readonly results: readonly number[];
  readonly executed: boolean;
}

const ENTRY_WORDS = 9;
const ENTRY_BYTES = ENTRY_WORDS * 8;
const RESULT_OFFSET = 64;
const PAGE = 4096;
/** No call returns this: what an entry holds before its call. */
const NOT_MADE = -(2n ** 63n);

/**
 * Forks; the child makes `calls`, of which some are execve(2), until one executes a program. Returns when that is done, or the child has
 * given up (exit code 127). The child belongs to the pid namespace that this process has chosen for its children.
 * Throws SyscallError when there is no child.
 */
export function spawnChild(calls: readonly ChildCall[]): Spawned {
  const machine = openMachine();
  const image = layOut(calls);
  // Shared, so that the results can be read here; nothing else of it is used again.
  const list = machine.map(image.sizeBytes, MAP.SHARED);
  machine.write(list, image.at(list));
  const pid = machine.run(list);
  return { pid, ...outcomeOf(calls, machine.read(list, calls.length * ENTRY_BYTES)) };
}

function outcomeOf(calls: readonly ChildCall[], table: Buffer): Omit<Spawned, 'pid'> {
  const words = calls.map((_, index) => table.readBigInt64LE(index * ENTRY_BYTES + RESULT_OFFSET));
  const made = words.findIndex((word) => word === NOT_MADE);
  // A call of execve that succeeds never stores a result.
  const results = words.slice(0, made === -1 ? words.length : made).map(Number);
  const failure = results.at(-1) ?? 0;
  const next = calls[results.length];
  const gaveUp = failure < 0 && calls[results.length - 1]?.tolerated?.includes(-failure) !== true;
  return { results, executed: next?.name === 'execve' && !gaveUp };
}

interface Image {
  readonly sizeBytes: number;
  /** The bytes for a given address of the first one. */
  at(base: bigint): Buffer;
}

/** The table of calls and, behind it, what their arguments point at. */
function layOut(calls: readonly ChildCall[]): Image {
  const numbers = NUMBERS[process.arch];
  if (numbers === undefined) throw new Error(`hutch has no system call numbers for ${process.arch}`);
  const tableBytes = (calls.length + 1) * ENTRY_BYTES;
  const sizeBytes = calls
    .flatMap((call) => call.arguments)
    .reduce<number>((sum, value) => sum + roomOf(value), tableBytes);
  const at = (base: bigint): Buffer => {
    const image = Buffer.alloc(sizeBytes);
    let used = tableBytes;
    const put = (bytes: Buffer): bigint => {
      const place = used;
      bytes.copy(image, place);
      used += roundUp(bytes.length);
      return base + BigInt(place);
    };
    const wordOf = (value: ChildArgument): bigint => {
      if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value);
      if (Buffer.isBuffer(value)) return put(value);
      if ('bytes' in value) {
        const bytes = Buffer.from(value.bytes);
        for (const [offset, target] of Object.entries(value.pointers))
          bytes.writeBigUInt64LE(put(target), Number(offset));
        return put(bytes);
      }
      const pointers = value.map((text) => put(cString(text)));
      const array = Buffer.alloc((pointers.length + 1) * 8);
      pointers.forEach((pointer, index) => array.writeBigUInt64LE(pointer, index * 8));
      return put(array);
    };
    calls.forEach((call, index) => {
      const mask = (call.tolerated ?? []).reduce(
        (bits, errno) => bits | (1n << BigInt(errno)),
        call.handsOver === true ? 1n : 0n,
      );
      const words = [...call.arguments.map(wordOf), 0n, 0n, 0n, 0n, 0n, 0n].slice(0, 6);
      [BigInt(numbers[call.name]), ...words, mask, NOT_MADE].forEach((word, place) =>
        image.writeBigInt64LE(BigInt.asIntN(64, word), index * ENTRY_BYTES + place * 8),
      );
    });
    image.writeBigInt64LE(-1n, calls.length * ENTRY_BYTES);
    return image;
  };
  return { sizeBytes, at };
}

function roomOf(value: ChildArgument): number {
  if (typeof value === 'number' || typeof value === 'bigint') return 0;
  if (Buffer.isBuffer(value)) return roundUp(value.length);
  if ('bytes' in value)
    return Object.values(value.pointers).reduce(
      (sum, { length }) => sum + roundUp(length),
      roundUp(value.bytes.length),
    );
  return value.reduce((sum, text) => sum + roundUp(Buffer.byteLength(text) + 1), (value.length + 1) * 8);
}

function roundUp(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** Text for a call, with the NUL that ends it. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** Memory outside of V8's heap, and the program in it. */
function openMachine() {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const mmap = libc.func('mmap', 'int64', ['uint64', 'size_t', 'int', 'int', 'int', 'int64']);
  const mprotect = libc.func('mprotect', 'int', ['uint64', 'size_t', 'int']);
  const copyIn = libc.func('memcpy', 'uint64', ['uint64', 'void *', 'size_t']);
  const copyOut = libc.func('memcpy', 'uint64', ['void *', 'uint64', 'size_t']);
  const program = koffi.proto('int64', ['uint64', 'uint64']);
  const map = (sizeBytes: number, sharing: number): bigint => {
    const length = Math.ceil(sizeBytes / PAGE) * PAGE;
    const address = BigInt(mmap(0, length, PROT.READ | PROT.WRITE, sharing | MAP.ANONYMOUS, -1, 0) as number | bigint);
    if (address === -1n) throw new SyscallError('mmap', koffi.errno());
    return address;
  };
  const write = (address: bigint, bytes: Buffer): void => void copyIn(address, bytes, bytes.length);
  return {
    map,
    write,
    read: (address: bigint, sizeBytes: number): Buffer => {
      const bytes = Buffer.alloc(sizeBytes);
      copyOut(bytes, address, sizeBytes);
      return bytes;
    },
    /** The child's pid. The caller sleeps until the child has executed a program or ended, but shares no memory with it. */
    run: (list: bigint): number => {
      const code = Buffer.from(CHILD_PROGRAM[process.arch] ?? '', 'hex');
      const page = map(PAGE, MAP.PRIVATE);
      write(page, code);
      if (mprotect(page, PAGE, PROT.READ | PROT.EXEC) !== 0) throw new SyscallError('mprotect', koffi.errno());
      const result = Number(koffi.call(page, program, list, CLONE_VFORK | constants.signals.SIGCHLD));
      if (result < 0) throw new SyscallError('clone', -result);
      return result;
    },
  };
}
