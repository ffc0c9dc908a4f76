/**
 * Machine code by which a forked Node becomes a process that only waits: it gives back the memory that it shares with the process it was
 * forked from, waits until one of its children has ended, and ends with that one's exit code (128 + n after signal n). It needs no
 * stack, no heap and no C library (docs/adr/0014-a-child-without-javascript.md).
 *
 * `void wait(struct { long pid; long status; struct { long address, length } ranges[]; } *work)`; a range of length 0 is the last.
 *
 *     for (range = work->ranges; range->length != 0; range++) munmap(range->address, range->length)
 *     do result = wait4(-1, &work->status, 0, 0); while (result > 0 && result != work->pid)
 *     if (result < 0) exit_group(125)
 *     exit_group(status & 127 ? 128 + (status & 127) : status >> 8 & 255)
 */

/** By `process.arch`, in hexadecimal. A test runs the one of its machine. */
export const HOLDER_PROGRAM: Readonly<Record<string, string>> = {
  x64: [
    // endbr64; mov rbx, rdi; lea r12, [rdi+16]
    'f30f1efa4889fb4c8d6710',
    // next: mov rdi, [r12]; mov rsi, [r12+8]; test rsi, rsi; jz wait
    '498b3c24498b7424084885f6740d',
    // mov eax, 11; syscall; add r12, 16; jmp next
    'b80b0000000f054983c410ebe5',
    // wait: mov rdi, -1; lea rsi, [rbx+8]; xor edx, edx; xor r10d, r10d; mov eax, 61; syscall
    '48c7c7ffffffff488d730831d24531d2b83d0000000f05',
    // cmp rax, [rbx]; je ended; test rax, rax; jns wait; mov edi, 125; jmp quit
    '483b03740c4885c079dfbf7d000000eb15',
    // ended: mov eax, [rbx+8]; mov edi, eax; and edi, 127; je normal; sub edi, -128; jmp quit
    '8b430889c783e77f740583ef80eb06',
    // normal: shr eax, 8; movzx edi, al
    'c1e8080fb6f8',
    // quit: mov eax, 231; syscall; ud2
    'b8e70000000f050f0b',
  ].join(''),
  arm64: [
    // bti c; mov x19, x0; add x20, x0, #16
    '5f2403d5f30300aa14400091',
    // next: ldp x0, x1, [x20], #16; cbz x1, wait; mov x8, #215; svc #0; b next
    '8006c1a8810000b4e81a80d2010000d4fcffff17',
    // wait: mov x0, #-1; add x1, x19, #8; mov x2, xzr; mov x3, xzr; mov x8, #260; svc #0
    '0000809261220091e2031faae3031faa882080d2010000d4',
    // ldr x1, [x19]; cmp x0, x1; b.eq ended; tbz x0, #63, wait; mov x0, #125; b quit
    '610240f91f0001eb80000054e0feffb6a00f80d207000014',
    // ended: ldr w1, [x19, #8]; ands w0, w1, #127; b.eq normal; add w0, w0, #128; b quit
    '610a40b920180072600000540000021102000014',
    // normal: ubfx w0, w1, #8, #8
    '203c0853',
    // quit: mov x8, #94; svc #0; udf #0
    'c80b80d2010000d400000000',
  ].join(''),
};
