/** libseccomp.so.2 through koffi, as the oracle of the seccomp tests; nothing of hutch itself uses it. */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import type { Architecture } from '../../src/linux/syscalls.ts';
import type { SeccompArgument, SeccompOperator } from '../../src/oci/seccomp.ts';

/** `SCMP_ARCH_*` of seccomp.h; x32 is there told apart by the ELF class. */
const TOKENS: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000003e,
  x86: 0x40000003,
  x32: 0x4000003e,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
};
/** `enum scmp_compare` of seccomp.h. */
const OPERATORS: Readonly<Record<SeccompOperator, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};
const ATTRIBUTE_BAD_ARCH = 2;
const KILL_PROCESS = 0x80000000;
const UNKNOWN_NAME = -1;

export interface OracleRule {
  /** The SECCOMP_RET_* word. */
  readonly action: number;
  readonly name: string;
  readonly args: readonly SeccompArgument[];
}

export interface Oracle {
  readonly knows: (name: string) => boolean;
  /** The program that libseccomp makes of `rules`; foreign architectures kill the process. */
  readonly compile: (
    fallback: number,
    architectures: readonly Architecture[],
    rules: readonly OracleRule[],
  ) => Uint8Array;
}

type Call = (...args: readonly unknown[]) => unknown;

/** The oracle, or the reason why there is none here. */
export function openLibseccomp(): Oracle | string {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load('libseccomp.so.2');
  } catch {
    return 'libseccomp.so.2 is not installed';
  }
  const func = (prototype: string): Call => library.func(prototype) as Call;
  const init = func('void *seccomp_init(uint32_t action)');
  const release = func('void seccomp_release(void *filter)');
  const setAttribute = func('int seccomp_attr_set(void *filter, int attribute, uint32_t value)');
  const nativeArch = func('uint32_t seccomp_arch_native()');
  const removeArch = func('int seccomp_arch_remove(void *filter, uint32_t token)');
  const addArch = func('int seccomp_arch_add(void *filter, uint32_t token)');
  const resolve = func('int seccomp_syscall_resolve_name(const char *name)');
  const addRule = func(
    'int seccomp_rule_add_array(void *filter, uint32_t action, int number, uint32_t count, const uint8_t *args)',
  );
  const exportBpf = func('int seccomp_export_bpf(void *filter, int fd)');
  // Actions younger than Linux 4.14 are refused unless the library takes the kernel for new enough.
  check('seccomp_api_set', func('int seccomp_api_set(unsigned int level)')(3));

  const compile: Oracle['compile'] = (fallback, architectures, rules) => {
    const filter = init(fallback);
    try {
      check('seccomp_attr_set', setAttribute(filter, ATTRIBUTE_BAD_ARCH, KILL_PROCESS));
      check('seccomp_arch_remove', removeArch(filter, nativeArch()));
      for (const architecture of architectures) check('seccomp_arch_add', addArch(filter, TOKENS[architecture]));
      for (const { action, name, args } of rules) {
        check(name, addRule(filter, action, resolve(name), args.length, encodeArguments(args)));
      }
      return exported((fd) => check('seccomp_export_bpf', exportBpf(filter, fd)));
    } finally {
      release(filter);
    }
  };
  return { knows: (name) => resolve(name) !== UNKNOWN_NAME, compile };
}

function check(what: string, result: unknown): void {
  if (result !== 0) throw new Error(`libseccomp: ${what} returned ${String(result)}`);
}

/** struct scmp_arg_cmp: unsigned int, enum, two 64-bit values. */
function encodeArguments(args: readonly SeccompArgument[]): Buffer {
  const bytes = Buffer.alloc(24 * Math.max(1, args.length));
  args.forEach(({ index, op, value, valueTwo = 0 }, position) => {
    bytes.writeUInt32LE(index, 24 * position);
    bytes.writeUInt32LE(OPERATORS[op], 24 * position + 4);
    bytes.writeBigUInt64LE(BigInt(value), 24 * position + 8);
    bytes.writeBigUInt64LE(BigInt(valueTwo), 24 * position + 16);
  });
  return bytes;
}

/** What `write` writes to a file descriptor. */
function exported(write: (fd: number) => void): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), 'hutch-seccomp-'));
  try {
    const path = join(directory, 'program');
    const fd = openSync(path, 'w');
    try {
      write(fd);
    } finally {
      closeSync(fd);
    }
    return readFileSync(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
