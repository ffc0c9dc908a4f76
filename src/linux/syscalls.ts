/** System call numbers of the five architectures that hutch filters, read lazily from the generated table; pure. */

import { OWN_SYSCALLS, SHARED_SYSCALLS } from './syscall-table.ts';

/** One calling convention of the kernel. x86_64 machines also run x86 and (some kernels) x32, aarch64 ones also arm. */
export type Architecture = keyof typeof OWN_SYSCALLS;

export const ARCHITECTURES: readonly Architecture[] = ['x86_64', 'x86', 'x32', 'aarch64', 'arm'];

/** The architecture of the kernel's calls by what Node calls the machine (`process.arch`). */
export const ARCHITECTURE_OF_NODE: Readonly<Partial<Record<string, Architecture>>> = {
  x64: 'x86_64',
  ia32: 'x86',
  arm64: 'aarch64',
  arm: 'arm',
};

/** `AUDIT_ARCH_*` of linux/audit.h: what seccomp(2) shows a filter in `arch`; x32 is told from x86_64 by bit 30 of `nr`. */
export const AUDIT_ARCH: Readonly<Record<Architecture, number>> = {
  x86_64: 0xc000003e,
  x86: 0x40000003,
  x32: 0xc000003e,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
};

/** `__X32_SYSCALL_BIT` of asm/unistd.h. */
export const X32_BIT = 0x4000_0000;

/** From the first to before the second of these numbers, all architectures count alike: the calls since Linux 5.1. */
export const SHARED_NUMBERS = { first: 424, end: 512 } as const;

/** The calls of one architecture in ascending order: `names[i]` has number `numbers[i]`. */
export interface SyscallTable {
  readonly numbers: readonly number[];
  readonly names: readonly string[];
}

const tables = new Map<Architecture, SyscallTable>();

/** All calls of `architecture`; numbers of x32 bear bit 30. */
export function syscallTable(architecture: Architecture): SyscallTable {
  const known = tables.get(architecture);
  if (known !== undefined) return known;
  const table = readTable(architecture);
  tables.set(architecture, table);
  return table;
}

/** The number of call `name` on `architecture`, or undefined where it has no such call. */
export function syscallNumber(architecture: Architecture, name: string): number | undefined {
  const { names, numbers } = syscallTable(architecture);
  const index = names.indexOf(name);
  return index === -1 ? undefined : numbers[index];
}

let everyName: ReadonlySet<string> | undefined;

/** True when any of the five architectures has a call `name`. */
export function isSyscallName(name: string): boolean {
  everyName ??= new Set(ARCHITECTURES.flatMap((architecture) => syscallTable(architecture).names));
  return everyName.has(name);
}

/** A token of the table is a number, which sets the count, or a name, which takes the count and raises it by one. */
function readTable(architecture: Architecture): SyscallTable {
  const offset = architecture === 'x32' ? X32_BIT : 0;
  const numbers: number[] = [];
  const names: string[] = [];
  let next = 0;
  for (const token of orderedTokens(architecture)) {
    if (token.charCodeAt(0) <= 0x39) next = Number(token);
    else {
      numbers.push(offset + next);
      names.push(token);
      next += 1;
    }
  }
  return { numbers, names };
}

/** The architecture's own tokens with the shared ones in their place: before those from `SHARED_NUMBERS.end` on. */
function orderedTokens(architecture: Architecture): readonly string[] {
  const own = OWN_SYSCALLS[architecture].split(/\s/u);
  const late = own.findIndex((token) => Number(token) >= SHARED_NUMBERS.end);
  return own.toSpliced(late === -1 ? own.length : late, 0, ...SHARED_SYSCALLS.split(/\s/u));
}
