/** An assembler for classic BPF that writes a program from its last instruction to its first; pure. Source: linux/filter.h. */

import { HutchError } from '../../errors/hutch-error.ts';

/** An instruction already written, counted from the end of the program: 0 is the last one. */
export type Place = number;

/** `code` fields: class, size or operation, and mode of each instruction that seccomp filters here are made of. */
export const BPF = {
  LD_W_ABS: 0x20,
  JMP_JA: 0x05,
  JMP_JEQ_K: 0x15,
  JMP_JGT_K: 0x25,
  JMP_JGE_K: 0x35,
  ALU_AND_K: 0x54,
  RET_K: 0x06,
} as const;

/** `BPF_MAXINSNS` of linux/bpf_common.h: the kernel refuses longer programs. */
export const MAX_INSTRUCTIONS = 4096;
/** sizeof(struct sock_filter). */
export const INSTRUCTION_BYTES = 8;

/**
 * Conditional jumps reach 255 instructions. A jump with two far targets has two detours written next to it, so that the
 * first detour moves away by one while the second is written.
 */
const REACH = 250;

/**
 * A program under construction. All jumps of classic BPF go forward; written backward, the target of each jump exists
 * before the jump does, and its distance is known.
 */
export interface BpfWriter {
  /** Ends the program with `action`, a SECCOMP_RET_* word; the same action is written once as long as it can be reached. */
  readonly ret: (action: number) => Place;
  /** Loads the 32-bit word at `offset` of struct seccomp_data, then goes on at `next`. */
  readonly load: (offset: number, next: Place) => Place;
  /** ANDs the loaded word with `mask`, then goes on at `next`. */
  readonly and: (mask: number, next: Place) => Place;
  /** Compares the loaded word with `value`, unsigned, and goes on at `yes` or `no`. */
  readonly jump: (operation: number, value: number, yes: Place, no: Place) => Place;
  /** The program, which begins at `entry`; throws SPEC_INVALID above 4096 instructions. */
  readonly finish: (entry: Place) => Uint8Array;
}

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** An empty program. */
export function bpfWriter(): BpfWriter {
  const written: Instruction[] = [];
  const returns = new Map<number, Place>();

  const write = (code: number, k: number, jt = 0, jf = 0): Place => written.push({ code, jt, jf, k }) - 1;
  const distance = (place: Place): number => written.length - place - 1;
  const following = (place: Place): Place => (distance(place) === 0 ? place : write(BPF.JMP_JA, distance(place)));

  const ret = (action: number): Place => {
    const known = returns.get(action);
    if (known !== undefined && distance(known) < REACH) return known;
    const place = write(BPF.RET_K, action);
    returns.set(action, place);
    return place;
  };
  /** `place` itself, or a detour to it that is near enough for a conditional jump. */
  const near = (place: Place): Place => {
    if (distance(place) < REACH) return place;
    const target = written[place];
    return target?.code === BPF.RET_K ? ret(target.k) : write(BPF.JMP_JA, distance(place));
  };

  return {
    ret,
    load: (offset, next) => {
      following(next);
      return write(BPF.LD_W_ABS, offset);
    },
    and: (mask, next) => {
      following(next);
      return write(BPF.ALU_AND_K, mask);
    },
    jump: (operation, value, yes, no) => {
      const [nearYes, nearNo] = [near(yes), near(no)];
      return write(operation, value, distance(nearYes), distance(nearNo));
    },
    finish: (entry) => {
      following(entry);
      return encode(written);
    },
  };
}

/** struct sock_filter: u16 code, u8 jt, u8 jf, u32 k, each little endian as every architecture here is. */
function encode(written: readonly Instruction[]): Uint8Array {
  if (written.length > MAX_INSTRUCTIONS) throw tooLong(written.length);
  const bytes = new Uint8Array(written.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  written.toReversed().forEach(({ code, jt, jf, k }, index) => {
    const offset = index * INSTRUCTION_BYTES;
    view.setUint16(offset, code, true);
    view.setUint8(offset + 2, jt);
    view.setUint8(offset + 3, jf);
    view.setUint32(offset + 4, k, true);
  });
  return bytes;
}

function tooLong(length: number): HutchError {
  return new HutchError(
    `the seccomp profile compiles to ${length} instructions; the kernel takes ${MAX_INSTRUCTIONS}`,
    {
      code: 'SPEC_INVALID',
      hint: 'Use fewer rules with arguments, or fewer architectures.',
      context: { instructions: length, limit: MAX_INSTRUCTIONS },
    },
  );
}
