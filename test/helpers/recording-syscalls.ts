/** A double of the system calls that writes down what it is asked for and does nothing; test process. */
import type { Syscalls } from '../../src/syscall/syscalls.ts';
import { SyscallError } from '../../src/syscall/syscall-error.ts';

export interface RecordingOptions {
  /** Calls that fail, by name and arguments as they are recorded: the errno. */
  readonly fail?: (call: string) => number | undefined;
  /** The errno that execve(2) of a path ends with. */
  readonly execve?: (path: string) => number;
  /** Results of calls by name; without one it is a number that no descriptor of this process has. */
  readonly results?: Readonly<Record<string, unknown>>;
}

export interface Recording {
  readonly syscalls: Syscalls;
  /** Such as `mount(null, "/", null, 540672, null)`, in order. */
  readonly calls: readonly string[];
}

const FIRST_DESCRIPTOR = 1000;

export function recordingSyscalls({ fail, execve, results = {} }: RecordingOptions = {}): Recording {
  const calls: string[] = [];
  let descriptor = FIRST_DESCRIPTOR;
  const record = (name: string, values: readonly unknown[]): void => {
    const call = `${name}(${values.map(show).join(', ')})`;
    calls.push(call);
    const errno = fail?.(call);
    if (errno !== undefined) throw new SyscallError(name, errno);
  };
  const last = {
    execve: (path: string): number => {
      record('execve', [path]);
      return execve?.(path) ?? 2;
    },
    write: (fd: number, bytes: Buffer): void => {
      record('write', [fd, bytes.toString('utf8')]);
    },
    // It returns after all: the plan must be at its end there.
    exit: (code: number): void => {
      record('_exit', [code]);
    },
  };
  const defaults: Readonly<Record<string, () => unknown>> = {
    pipe2: () => [(descriptor += 1), (descriptor += 1)],
    prepareLastCalls: () => last,
    permittedCapabilities: () => 0b111n,
    landlockAbi: () => 0,
  };
  const answer = (name: string, values: readonly unknown[]): unknown => {
    record(name, values);
    if (name in results) return results[name];
    return defaults[name]?.() ?? (descriptor += 1);
  };
  /** The kernel's call is the same. */
  const openIfThere = (values: readonly unknown[]): unknown => {
    try {
      return answer('openat2', values);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes((error as SyscallError).code)) return undefined;
      throw error;
    }
  };
  const syscalls = new Proxy({} as Syscalls, {
    get:
      (_target, name: string) =>
      (...values: unknown[]): unknown =>
        name === 'openat2IfThere' ? openIfThere(values) : answer(name, values),
  });
  return { syscalls, calls };
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (typeof value === 'number' && value >= FIRST_DESCRIPTOR && value < FIRST_DESCRIPTOR + 1000) return 'fd';
  return value instanceof Uint8Array ? `${String(value.length)} bytes` : JSON.stringify(value);
}
