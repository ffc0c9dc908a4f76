/** Conditions on system call arguments as classic BPF; pure. Source: seccomp(2), struct seccomp_data. */

import { HutchError } from '../../errors/hutch-error.ts';
import type { SeccompArgument, SeccompOperator, SeccompValue } from '../../oci/seccomp.ts';
import { BPF, type BpfWriter, type Place } from './bpf-program.ts';

/** Offset of `args[0]` in struct seccomp_data; each of the six is 64 bits, low word first. */
const ARGUMENTS_OFFSET = 16;
const HIGH_WORD = 4;

/** Both halves of an unsigned 64-bit number. */
interface Words {
  readonly high: number;
  readonly low: number;
}

/** Writes one branch on the value of an argument; `offset` is that of its low word. */
type Branch = (writer: BpfWriter, offset: number, value: Words, yes: Place, no: Place) => Place;

/** Goes on at `yes` when every condition holds, else at `no`. Returns where to begin. */
export function writeConditions(
  writer: BpfWriter,
  conditions: readonly SeccompArgument[],
  yes: Place,
  no: Place,
): Place {
  return conditions.reduceRight((next, condition) => writeCondition(writer, condition, next, no), yes);
}

function writeCondition(writer: BpfWriter, condition: SeccompArgument, yes: Place, no: Place): Place {
  const offset = ARGUMENTS_OFFSET + 8 * condition.index;
  const value = wordsOf(condition.value);
  if (condition.op === 'SCMP_CMP_MASKED_EQ') {
    return writeMasked(writer, offset, { mask: value, wanted: wordsOf(condition.valueTwo ?? 0) }, yes, no);
  }
  return BRANCHES[condition.op](writer, offset, value, yes, no);
}

const equal: Branch = (writer, offset, { high, low }, yes, no) => {
  const lowWord = writer.load(offset, writer.jump(BPF.JMP_JEQ_K, low, yes, no));
  return writer.load(offset + HIGH_WORD, writer.jump(BPF.JMP_JEQ_K, high, lowWord, no));
};

/** `>` or `>=`: the high words decide unless they are equal. */
function ordered(lowJump: number): Branch {
  return (writer, offset, { high, low }, yes, no) => {
    const lowWord = writer.load(offset, writer.jump(lowJump, low, yes, no));
    const sameHigh = writer.jump(BPF.JMP_JEQ_K, high, lowWord, no);
    return writer.load(offset + HIGH_WORD, writer.jump(BPF.JMP_JGT_K, high, yes, sameHigh));
  };
}

const not =
  (branch: Branch): Branch =>
  (writer, offset, value, yes, no) =>
    branch(writer, offset, value, no, yes);

const greater = ordered(BPF.JMP_JGT_K);
const atLeast = ordered(BPF.JMP_JGE_K);

const BRANCHES: Readonly<Record<Exclude<SeccompOperator, 'SCMP_CMP_MASKED_EQ'>, Branch>> = {
  SCMP_CMP_EQ: equal,
  SCMP_CMP_NE: not(equal),
  SCMP_CMP_GT: greater,
  SCMP_CMP_LE: not(greater),
  SCMP_CMP_GE: atLeast,
  SCMP_CMP_LT: not(atLeast),
};

function writeMasked(
  writer: BpfWriter,
  offset: number,
  { mask, wanted }: { readonly mask: Words; readonly wanted: Words },
  yes: Place,
  no: Place,
): Place {
  const low = writeMaskedWord(writer, offset, { mask: mask.low, wanted: wanted.low }, yes, no);
  return writeMaskedWord(writer, offset + HIGH_WORD, { mask: mask.high, wanted: wanted.high }, low, no);
}

/** A word of which no bit counts needs no look at it. */
function writeMaskedWord(
  writer: BpfWriter,
  offset: number,
  { mask, wanted }: { readonly mask: number; readonly wanted: number },
  yes: Place,
  no: Place,
): Place {
  if (mask === 0) return wanted === 0 ? yes : no;
  return writer.load(offset, writer.and(mask, writer.jump(BPF.JMP_JEQ_K, wanted, yes, no)));
}

/** Throws SPEC_INVALID for anything but an unsigned 64-bit number that is exact. */
function wordsOf(value: SeccompValue): Words {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
    return { high: Math.floor(value / 2 ** 32), low: value >>> 0 };
  }
  if (typeof value === 'string' && /^\d{1,20}$/u.test(value)) {
    const bits = BigInt(value);
    if (bits < 2n ** 64n) return { high: Number(bits >> 32n), low: Number(bits & 0xffffffffn) };
  }
  throw new HutchError(`"${value}" is not an exact unsigned 64-bit number`, {
    code: 'SPEC_INVALID',
    hint: 'Write numbers from 2^53 on as a string of decimal digits.',
    context: { value },
  });
}
