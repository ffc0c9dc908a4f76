/** Pseudo-random conditions on system call arguments, and arguments near them, for tests that can be repeated. */

import { SECCOMP_OPERATORS, type SeccompArgument } from '../../src/oci/seccomp.ts';

/** Values at which comparisons of 32 bits go wrong. */
export const EDGES: readonly bigint[] = [0n, 1n, 2n, 0x7fffffffn, 0x80000000n, 0xfffffffen, 0xffffffffn];
/** Those, and the ones of 64 bits. */
export const WIDE_EDGES: readonly bigint[] = [
  ...EDGES,
  1n << 32n,
  (1n << 32n) + 1n,
  0x7_00000003n,
  1n << 63n,
  (1n << 64n) - 2n,
  (1n << 64n) - 1n,
];

export interface Random {
  /** A whole number from 0 to before `limit`. */
  readonly below: (limit: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  /** One of the edges. */
  readonly value: () => bigint;
  readonly edges: readonly bigint[];
}

/** The sequence that follows from `seed` (xorshift32; not 0). */
export function randomness(seed: number, edges: readonly bigint[]): Random {
  let state = seed;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  return { below, pick, value: () => pick(edges), edges };
}

/** A condition on argument `index`. What MASKED_EQ wants has no bit outside the mask: libseccomp would drop that bit. */
export function randomArgument(random: Random, index: number): SeccompArgument {
  const op = random.pick(SECCOMP_OPERATORS);
  const [value, other] = [random.value(), random.value()];
  if (op !== 'SCMP_CMP_MASKED_EQ') return { index, op, value: String(value) };
  return { index, op, value: String(value), valueTwo: String(value & other) };
}

/** Six arguments; those with a condition mostly at or next to its value. */
export function nearbyArguments(random: Random, conditions: readonly SeccompArgument[]): bigint[] {
  const highest = random.edges.at(-1) ?? 0n;
  const values = Array.from({ length: 6 }, () => random.value());
  for (const { index, value, valueTwo } of conditions) {
    const near = BigInt(valueTwo ?? value) + BigInt(random.below(3) - 1);
    if (random.below(4) > 0 && near >= 0n && near <= highest) values[index] = near;
  }
  return values;
}
