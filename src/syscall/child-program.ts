/**
 * Machine code that forks and lets the child make a list of system calls, the last of which is execve(2). V8 keeps its heap
 * from children (madvise(2) MADV_DONTFORK), and a child in a container's pid namespace is not to have it. This code touches no heap, no C library and no
 * stack beyond one saved register (docs/adr/0014-a-child-without-javascript.md). In the program that calls.
 *
 * `long run(struct entry *list, long flags)` calls clone(flags) and returns its result in the parent. The child goes through the
 * list; an entry is nine 64-bit words: the number of the call, its six arguments, a mask, and a place for the result. Bit n of
 * the mask: errno n (up to 63) does not end the child. Bit 0: a positive result ends it, as it should after a clone(2) of its own.
 *
 *     list = argument 1
 *     result = clone(argument 2, 0, 0, 0, 0)
 *     if (result != 0) return result
 *     for (; list->number >= 0; list++) {
 *       list->result = syscall(list->number, list->arguments…)
 *       if (list->result > 0 && list->mask & 1) exit_group(0)
 *       if (list->result < 0 && (-list->result > 63 || !(list->mask >> -list->result & 1))) break
 *     }
 *     exit_group(127)
 */

/** By `process.arch`, in hexadecimal. A test runs the one of its machine. */
export const CHILD_PROGRAM: Readonly<Record<string, string>> = {
  x64: [
    // endbr64; push rbx; mov rbx, rdi
    'f30f1efa534889fb',
    // mov rdi, rsi; xor esi, esi; xor edx, edx; xor r10d, r10d; xor r8d, r8d; mov eax, 56; syscall
    '4889f731f631d24531d24531c0b8380000000f05',
    // test rax, rax; jnz parent
    '4885c0755d',
    // next: mov rax, [rbx]; test rax, rax; js done
    '488b034885c07847',
    // mov rdi, [rbx+8]; mov rsi, [rbx+16]; mov rdx, [rbx+24]; mov r10, [rbx+32]; mov r8, [rbx+40]; mov r9, [rbx+48]; syscall
    '488b7b08488b7310488b53184c8b53204c8b43284c8b4b300f05',
    // mov [rbx+64], rax; mov rcx, [rbx+56]
    '48894340488b4b38',
    // test rax, rax; jz go; js failed
    '4885c0741a7809',
    // xor edi, edi; test cl, 1; jnz quit; jmp go
    '31fff6c101751ceb0f',
    // failed: neg rax; cmp rax, 63; ja done; bt rcx, rax; jnc done
    '48f7d84883f83f770c480fa3c17306',
    // go: add rbx, 72; jmp next
    '4883c348ebb1',
    // done: mov edi, 127
    'bf7f000000',
    // quit: mov eax, 231; syscall; ud2
    'b8e70000000f050f0b',
    // parent: pop rbx; ret
    '5bc3',
  ].join(''),
  arm64: [
    // bti c; stp x19, x30, [sp, #-16]!; mov x19, x0
    '5f2403d5f37bbfa9f30300aa',
    // mov x0, x1; mov x1, xzr; mov x2, xzr; mov x3, xzr; mov x4, xzr; mov x8, #220; svc #0
    'e00301aae1031faae2031faae3031faae4031faa881b80d2010000d4',
    // cbnz x0, parent
    '200300b5',
    // next: ldr x8, [x19]; tbnz x8, #63, done
    '680240f96802f8b7',
    // ldp x0, x1, [x19, #8]; ldp x2, x3, [x19, #24]; ldp x4, x5, [x19, #40]; svc #0
    '608640a9628e41a9649642a9010000d4',
    // str x0, [x19, #64]; ldr x1, [x19, #56]
    '602200f9611e40f9',
    // cbz x0, go; tbnz x0, #63, failed
    '400100b48000f8b7',
    // tbz x1, #0, go; mov x0, #0; b quit
    '01010036000080d209000014',
    // failed: neg x0, x0; cmp x0, #63; b.hi done; lsr x1, x1, x0; tbz x1, #0, done
    'e00300cb1ffc00f1a80000542124c09a61000036',
    // go: add x19, x19, #72; b next
    '73220191edffff17',
    // done: mov x0, #127
    'e00f80d2',
    // quit: mov x8, #94; svc #0; udf #0
    'c80b80d2010000d400000000',
    // parent: ldp x19, x30, [sp], #16; ret
    'f37bc1a8c0035fd6',
  ].join(''),
};
