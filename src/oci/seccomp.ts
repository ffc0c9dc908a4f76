/** `linux.seccomp` of the OCI runtime spec as types, with the words it may use; pure. Source: runtime-spec config-linux.md. */

import type { Architecture } from '../linux/syscalls.ts';

/** Actions that hutch carries out. `SCMP_ACT_NOTIFY` is not among them: it needs a listener process. */
export const SECCOMP_ACTIONS = [
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_LOG',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_TRAP',
] as const;
export type SeccompAction = (typeof SECCOMP_ACTIONS)[number];

export const SECCOMP_OPERATORS = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
] as const;
export type SeccompOperator = (typeof SECCOMP_OPERATORS)[number];

/** The architectures that hutch can filter, by their name in the spec. */
export const SECCOMP_ARCHITECTURES = {
  SCMP_ARCH_X86_64: 'x86_64',
  SCMP_ARCH_X86: 'x86',
  SCMP_ARCH_X32: 'x32',
  SCMP_ARCH_AARCH64: 'aarch64',
  SCMP_ARCH_ARM: 'arm',
} as const satisfies Readonly<Record<string, Architecture>>;
export type SeccompArchitecture = keyof typeof SECCOMP_ARCHITECTURES;

/** Unsigned 64 bits: a number where JSON carries it exactly (below 2^53), else a string of decimal digits. */
export type SeccompValue = number | string;

/** A condition on argument `index` (0 to 5) of a call. MASKED_EQ: `(argument & value) == valueTwo`. */
export interface SeccompArgument {
  readonly index: number;
  readonly value: SeccompValue;
  readonly valueTwo?: SeccompValue;
  readonly op: SeccompOperator;
}

/** What happens to calls of these names when all of `args` hold; without `args`, always. */
export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  /** For ERRNO the error number, for TRACE the message to the tracer; ERRNO without it means EPERM. */
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

/** A whole profile. The native architecture is always filtered, whether `architectures` lists it or not. */
export interface SeccompProfile {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly SeccompArchitecture[];
  readonly syscalls: readonly SeccompRule[];
}
