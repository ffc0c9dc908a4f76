/** Runs classic BPF over a struct seccomp_data as the kernel would; for tests. Written from linux/filter.h, not from the assembler. */

/** One system call as a filter sees it; arguments are unsigned 64-bit numbers. */
export interface SyscallData {
  readonly arch: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

export interface BpfResult {
  /** The SECCOMP_RET_* word. */
  readonly action: number;
  /** How many instructions were executed. */
  readonly steps: number;
}

/** Executes `program`; throws on anything that the kernel's checker would refuse: unknown codes, jumps or ends outside. */
export function runBpf(program: Uint8Array, call: SyscallData): BpfResult {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = seccompData(call);
  const length = program.byteLength / 8;
  let accumulator = 0;
  let position = 0;
  for (let steps = 1; ; steps++) {
    if (position >= length) throw new Error(`execution leaves the program at ${position} of ${length}`);
    const at = position * 8;
    const [code, jt, jf] = [view.getUint16(at, true), view.getUint8(at + 2), view.getUint8(at + 3)];
    const k = view.getUint32(at + 4, true);
    position += 1;
    const jumpIf = (holds: boolean): void => {
      position += holds ? jt : jf;
    };
    switch (code) {
      case 0x20:
        if (k % 4 !== 0) throw new Error(`unaligned load at ${k}`);
        accumulator = data.getUint32(k, true);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        position += k;
        break;
      case 0x15:
        jumpIf(accumulator === k);
        break;
      case 0x25:
        jumpIf(accumulator > k);
        break;
      case 0x35:
        jumpIf(accumulator >= k);
        break;
      case 0x45:
        jumpIf((accumulator & k) !== 0);
        break;
      case 0x06:
        return { action: k, steps };
      default:
        throw new Error(`unknown instruction 0x${code.toString(16)} at ${position - 1}`);
    }
  }
}

/** struct seccomp_data: nr, arch, instruction_pointer, args[6]. */
function seccompData({ arch, number, args = [] }: SyscallData): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  args.forEach((value, index) => data.setBigUint64(16 + 8 * index, value, true));
  return data;
}
