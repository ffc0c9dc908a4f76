/** Unit tests of the seccomp compiler: verdicts by number, conditions, long programs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { AUDIT_ARCH, syscallNumber, X32_BIT, type Architecture } from '../../../src/linux/syscalls.ts';
import type { SeccompArgument, SeccompProfile, SeccompRule } from '../../../src/oci/seccomp.ts';
import { compileSeccomp } from '../../../src/plan/security/compile-seccomp.ts';
import { runBpf } from '../../helpers/bpf-interpreter.ts';
import { nearbyArguments, randomArgument, randomness, WIDE_EDGES } from '../../helpers/random-conditions.ts';

const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const errno = (number: number): number => 0x00050000 | number;
const EPERM = errno(1);
const ENOSYS = errno(38);

const native = { nativeArchitecture: 'x86_64' } as const;

function profileOf(rules: readonly SeccompRule[], more: Partial<SeccompProfile> = {}): SeccompProfile {
  return { defaultAction: 'SCMP_ACT_ERRNO', syscalls: rules, ...more };
}

const allowing = (...names: readonly string[]): SeccompRule => ({ names, action: 'SCMP_ACT_ALLOW' });

/** What the program says of a call of x86_64 (or another architecture) by name or number. */
function verdict(
  program: Uint8Array,
  call: string | number,
  args: readonly bigint[] = [],
  architecture: Architecture = 'x86_64',
): number {
  const number = typeof call === 'number' ? call : syscallNumber(architecture, call);
  assert.ok(number !== undefined, `${architecture} has no ${String(call)}`);
  return runBpf(program, { arch: AUDIT_ARCH[architecture], number, args }).action;
}

test('compileSeccomp() allows what a rule names and refuses its neighbours with the default', () => {
  const program = compileSeccomp(profileOf([allowing('write', 'lseek')]), native);
  assert.deepEqual(
    ['read', 'write', 'open', 'poll', 'lseek', 'mmap'].map((name) => verdict(program, name)),
    [EPERM, ALLOW, EPERM, EPERM, ALLOW, EPERM],
  );
});

test('compileSeccomp() gives each action its word', () => {
  const rules: readonly SeccompRule[] = [
    { names: ['read'], action: 'SCMP_ACT_ERRNO' },
    { names: ['write'], action: 'SCMP_ACT_ERRNO', errnoRet: 4095 },
    { names: ['open'], action: 'SCMP_ACT_KILL' },
    { names: ['close'], action: 'SCMP_ACT_KILL_PROCESS' },
    { names: ['stat'], action: 'SCMP_ACT_KILL_THREAD' },
    { names: ['fstat'], action: 'SCMP_ACT_TRAP' },
    { names: ['lstat'], action: 'SCMP_ACT_TRACE', errnoRet: 7 },
    { names: ['poll'], action: 'SCMP_ACT_LOG' },
  ];
  const program = compileSeccomp(profileOf(rules, { defaultAction: 'SCMP_ACT_ALLOW' }), native);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((number) => verdict(program, number)),
    [EPERM, errno(4095), 0, KILL_PROCESS, 0, 0x00030000, 0x7ff00007, 0x7ffc0000, ALLOW],
  );
});

test('compileSeccomp() returns the error number of the profile for refused calls', () => {
  const program = compileSeccomp(profileOf([allowing('read')], { defaultErrnoRet: 13 }), native);
  assert.equal(verdict(program, 'mount'), errno(13));
});

test('compileSeccomp() returns ENOSYS for numbers that nobody knows', () => {
  const program = compileSeccomp(profileOf([allowing('read', 'mseal')]), native);
  assert.deepEqual(
    [999, 4096, X32_BIT - 1].map((number) => verdict(program, number)),
    [ENOSYS, ENOSYS, ENOSYS],
  );
});

test('compileSeccomp() returns ENOSYS for calls younger than any that the profile names, the default for older ones', () => {
  const program = compileSeccomp(profileOf([allowing('read', 'openat2')]), native);
  assert.equal(verdict(program, 'io_uring_setup'), EPERM, 'older than openat2');
  assert.equal(verdict(program, 'openat2'), ALLOW);
  assert.equal(verdict(program, 'faccessat2'), ENOSYS, 'younger than openat2');
});

test('compileSeccomp() refuses calls of before Linux 5.1 with the default even when the profile names none that high', () => {
  const program = compileSeccomp(profileOf([allowing('read')]), native);
  assert.equal(verdict(program, 'mount'), EPERM);
  assert.equal(verdict(program, 'statx'), EPERM);
  assert.equal(verdict(program, 'pidfd_send_signal'), ENOSYS);
});

test('compileSeccomp() hides no call when the default allows', () => {
  const rule: SeccompRule = { names: ['mount'], action: 'SCMP_ACT_ERRNO' };
  const program = compileSeccomp(profileOf([rule], { defaultAction: 'SCMP_ACT_ALLOW' }), native);
  assert.equal(verdict(program, 999), ALLOW);
  assert.equal(verdict(program, 'mount'), EPERM);
});

test('compileSeccomp() kills the process on calls of another machine, unless the profile lists it', () => {
  const rules = [allowing('read')];
  const strict = compileSeccomp(profileOf(rules), native);
  const lenient = compileSeccomp(profileOf(rules, { architectures: ['SCMP_ARCH_X86'] }), native);
  assert.equal(verdict(strict, 'read', [], 'x86'), KILL_PROCESS);
  assert.equal(verdict(strict, 'read', [], 'aarch64'), KILL_PROCESS);
  assert.equal(verdict(lenient, 'read', [], 'x86'), ALLOW);
  assert.equal(verdict(lenient, 'write', [], 'x86'), EPERM);
  assert.equal(verdict(lenient, 'read'), ALLOW, 'the native one needs no listing');
});

test('compileSeccomp() returns ENOSYS for x32 unless the profile lists it', () => {
  const rules = [allowing('read', 'ioctl')];
  const without = compileSeccomp(profileOf(rules), native);
  const listed = compileSeccomp(profileOf(rules, { architectures: ['SCMP_ARCH_X32'] }), native);
  assert.equal(verdict(without, 'read', [], 'x32'), ENOSYS);
  assert.equal(verdict(listed, 'read', [], 'x32'), ALLOW);
  assert.equal(verdict(listed, X32_BIT + 514), ALLOW, 'ioctl of x32');
  assert.equal(verdict(listed, X32_BIT + 16), EPERM, 'ioctl of x86_64 with the bit of x32');
  assert.equal(verdict(listed, X32_BIT + 999), ENOSYS);
});

test('compileSeccomp() kills calls of x86_64 where only x32 is meant', () => {
  const program = compileSeccomp(profileOf([allowing('read')]), { nativeArchitecture: 'x32' });
  assert.equal(verdict(program, 'read', [], 'x32'), ALLOW);
  assert.equal(verdict(program, 'read'), KILL_PROCESS);
});

test('compileSeccomp() finds the private calls of arm', () => {
  const profile = profileOf([allowing('cacheflush')], { architectures: ['SCMP_ARCH_ARM'] });
  const program = compileSeccomp(profile, { nativeArchitecture: 'aarch64' });
  assert.equal(verdict(program, 0x0f0002, [], 'arm'), ALLOW);
  assert.equal(verdict(program, 0x0f0005, [], 'arm'), EPERM);
  assert.equal(verdict(program, 0x0f0042, [], 'arm'), ENOSYS);
});

test('compileSeccomp() wants all conditions of one rule and any of several rules', () => {
  const equal = (index: number, value: number): SeccompArgument => ({ index, op: 'SCMP_CMP_EQ', value });
  const both: SeccompRule = { ...allowing('socket'), args: [equal(0, 2), equal(1, 1)] };
  const either: SeccompRule = { ...allowing('socket'), args: [equal(2, 9)] };
  const program = compileSeccomp(profileOf([both, either]), native);
  assert.deepEqual(
    [
      [2n, 1n, 0n],
      [2n, 2n, 0n],
      [3n, 1n, 0n],
      [3n, 2n, 9n],
    ].map((args) => verdict(program, 'socket', args)),
    [ALLOW, EPERM, EPERM, ALLOW],
  );
});

test('compileSeccomp() lets a rule without arguments win over others of the same name, before or after it', () => {
  const condition: SeccompArgument = { index: 0, op: 'SCMP_CMP_EQ', value: 1 };
  const narrow: SeccompRule = { names: ['kill'], action: 'SCMP_ACT_ERRNO', errnoRet: 3, args: [condition] };
  for (const rules of [
    [narrow, allowing('kill')],
    [allowing('kill'), narrow],
  ]) {
    assert.equal(verdict(compileSeccomp(profileOf(rules), native), 'kill', [1n]), ALLOW);
  }
});

test('compileSeccomp() compares all 64 bits, so that high bits do not slip past an exact value', () => {
  const rule: SeccompRule = { ...allowing('personality'), args: [{ index: 0, op: 'SCMP_CMP_EQ', value: 8 }] };
  const program = compileSeccomp(profileOf([rule]), native);
  assert.equal(verdict(program, 'personality', [8n]), ALLOW);
  assert.equal(verdict(program, 'personality', [0x1_00000008n]), EPERM);
});

test('compileSeccomp() takes values above 2^53 as decimal strings and no inexact number', () => {
  const rule = (value: number | string): SeccompProfile =>
    profileOf([{ ...allowing('lseek'), args: [{ index: 1, op: 'SCMP_CMP_EQ', value }] }]);
  const program = compileSeccomp(rule('18446744073709551615'), native);
  assert.equal(verdict(program, 'lseek', [0n, (1n << 64n) - 1n]), ALLOW);
  assert.equal(verdict(program, 'lseek', [0n, (1n << 64n) - 2n]), EPERM);
  for (const wrong of [2 ** 64, -1, 1.5, '18446744073709551616', '0x10', '']) {
    assert.throws(
      () => compileSeccomp(rule(wrong), native),
      (error) => isHutchError(error, 'SPEC_INVALID'),
    );
  }
});

/** What the rules say, in plain arithmetic. */
function evaluate(rules: readonly SeccompRule[], args: readonly bigint[]): boolean {
  return rules.some((rule) => (rule.args ?? []).every((condition) => holds(condition, args[condition.index] ?? 0n)));
}

function holds({ op, value, valueTwo }: SeccompArgument, argument: bigint): boolean {
  const wanted = BigInt(value);
  switch (op) {
    case 'SCMP_CMP_NE':
      return argument !== wanted;
    case 'SCMP_CMP_LT':
      return argument < wanted;
    case 'SCMP_CMP_LE':
      return argument <= wanted;
    case 'SCMP_CMP_EQ':
      return argument === wanted;
    case 'SCMP_CMP_GE':
      return argument >= wanted;
    case 'SCMP_CMP_GT':
      return argument > wanted;
    case 'SCMP_CMP_MASKED_EQ':
      return (argument & wanted) === BigInt(valueTwo ?? 0);
  }
}

test('compileSeccomp() does what the rules say for random alternatives of random conditions', () => {
  const random = randomness(4711, WIDE_EDGES);
  const outcomes = new Set<boolean>();
  for (let round = 0; round < 1500; round++) {
    const rules = Array.from({ length: 1 + random.below(4) }, () => ({
      ...allowing('futex'),
      args: Array.from({ length: 1 + random.below(3) }, () => randomArgument(random, random.below(6))),
    }));
    const program = compileSeccomp(profileOf(rules), native);
    for (let count = 0; count < 12; count++) {
      const args = nearbyArguments(random, random.pick(rules).args);
      const expected = evaluate(rules, args);
      assert.equal(
        verdict(program, 'futex', args),
        expected ? ALLOW : EPERM,
        JSON.stringify({ rules, args: args.map(String) }),
      );
      outcomes.add(expected);
    }
  }
  assert.equal(outcomes.size, 2);
});

test('compileSeccomp() bridges jumps of more than 255 instructions', () => {
  const values = Array.from({ length: 400 }, (_, value) => value);
  const rules = values.map((value): SeccompRule => ({
    names: ['socket'],
    action: value % 2 === 0 ? 'SCMP_ACT_ALLOW' : 'SCMP_ACT_LOG',
    args: [{ index: 0, op: 'SCMP_CMP_EQ', value }],
  }));
  const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'] as const;
  const program = compileSeccomp(profileOf([allowing('read', 'mseal'), ...rules], { architectures }), native);
  assert.ok(program.length / 8 > 1500);
  for (const architecture of ['x86_64', 'x86', 'x32'] as const) {
    for (const value of values) {
      const expected = value % 2 === 0 ? ALLOW : 0x7ffc0000;
      assert.equal(verdict(program, 'socket', [BigInt(value)], architecture), expected);
    }
    assert.equal(verdict(program, 'socket', [400n], architecture), EPERM);
    assert.equal(verdict(program, 'read', [], architecture), ALLOW);
    assert.equal(verdict(program, 'write', [], architecture), EPERM);
    assert.equal(verdict(program, 'mseal', [], architecture), ALLOW);
  }
});

test('compileSeccomp() refuses a profile that needs more than 4096 instructions', () => {
  const rules = Array.from({ length: 1100 }, (_, value): SeccompRule => ({
    ...allowing('socket'),
    args: [{ index: 0, op: 'SCMP_CMP_EQ', value }],
  }));
  assert.throws(
    () => compileSeccomp(profileOf(rules), native),
    (error) =>
      isHutchError(error, 'SPEC_INVALID') &&
      /compiles to \d{4} instructions; the kernel takes 4096/u.test(error.message),
  );
});
