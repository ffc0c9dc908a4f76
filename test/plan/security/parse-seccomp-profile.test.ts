/** Custom seccomp profiles: what docker's JSON format means, and that nothing unknown is passed over. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { parseSeccompProfile, type ParsedSeccompProfile } from '../../../src/plan/security/parse-seccomp-profile.ts';

const options = {
  source: 'mine.json',
  capabilities: ['CAP_SYS_ADMIN', 'CAP_CHOWN'],
  architecture: 'x86_64',
  kernelRelease: '5.15.0-91-generic',
} as const;

function parse(json: unknown): ParsedSeccompProfile {
  return parseSeccompProfile(json, options);
}

function withRule(fields: object): unknown {
  return { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', ...fields }] };
}

test('parseSeccompProfile() reads a profile in docker format', () => {
  const { profile, unknownSyscalls } = parse({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    defaultErrno: 'ENOSYS',
    archMap: [
      { architecture: 'SCMP_ARCH_S390X', subArchitectures: ['SCMP_ARCH_S390'] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    ],
    syscalls: [
      {
        names: ['read', 'frobnicate'],
        name: 'write',
        action: 'SCMP_ACT_ALLOW',
        args: null,
        comment: 'basics',
        includes: {},
      },
      {
        names: ['socket'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 97,
        errno: 'EAFNOSUPPORT',
        args: [{ index: 0, value: 16, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
      },
    ],
  });
  assert.deepEqual(profile, {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: [
      { names: ['read', 'frobnicate', 'write'], action: 'SCMP_ACT_ALLOW' },
      {
        names: ['socket'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 97,
        args: [{ index: 0, value: 16, valueTwo: 0, op: 'SCMP_CMP_EQ' }],
      },
    ],
  });
  assert.deepEqual(unknownSyscalls, ['frobnicate']);
});

test('parseSeccompProfile() takes the architectures of the runtime spec and drops those of other machines', () => {
  const architectures = ['SCMP_ARCH_X86', 'SCMP_ARCH_RISCV64'];
  assert.deepEqual(parse({ defaultAction: 'SCMP_ACT_ALLOW', architectures }).profile.architectures, ['SCMP_ARCH_X86']);
});

const APPLIES: readonly (readonly [title: string, fields: object, applies: boolean])[] = [
  ['a capability that is held', { includes: { caps: ['CAP_SYS_ADMIN'] } }, true],
  ['a capability that is not held', { includes: { caps: ['CAP_SYS_TIME'] } }, false],
  ['two capabilities of which one is held', { includes: { caps: ['CAP_SYS_ADMIN', 'CAP_SYS_TIME'] } }, false],
  ['an excluded capability that is held', { excludes: { caps: ['CAP_SYS_TIME', 'CAP_SYS_ADMIN'] } }, false],
  ['an excluded capability that is not held', { excludes: { caps: ['CAP_SYS_TIME'] } }, true],
  ['its architecture', { includes: { arches: ['arm64', 'amd64'] } }, true],
  ['another architecture', { includes: { arches: ['s390x'] } }, false],
  ['an excluded architecture', { excludes: { arches: ['amd64'] } }, false],
  ['an older kernel', { includes: { minKernel: '4.8' } }, true],
  ['just this kernel', { includes: { minKernel: '5.15' } }, true],
  ['a younger kernel', { includes: { minKernel: '5.16' } }, false],
  ['a kernel of a higher major number', { includes: { minKernel: '6.0' } }, false],
  ['an excluded older kernel', { excludes: { minKernel: '4.8' } }, false],
  ['all of includes but one', { includes: { caps: ['CAP_CHOWN'], arches: ['arm'] } }, false],
];
for (const [title, fields, applies] of APPLIES) {
  test(`parseSeccompProfile() ${applies ? 'keeps' : 'leaves out'} a rule for ${title}`, () => {
    assert.equal(parse(withRule(fields)).profile.syscalls.length, applies ? 1 : 0);
  });
}

const argument = (fields: object): unknown =>
  withRule({ args: [{ index: 0, value: 1, op: 'SCMP_CMP_EQ', ...fields }] });

const REFUSED: readonly (readonly [json: unknown, message: RegExp])[] = [
  [[], /^mine\.json: is not an object$/u],
  [{}, /defaultAction: is not a non-empty string/u],
  [{ defaultAction: 'SCMP_ACT_ALOW' }, /defaultAction: unknown action "SCMP_ACT_ALOW"/u],
  [{ defaultAction: 'SCMP_ACT_ALLOW', sycalls: [] }, /^mine\.json: unknown field "sycalls"/u],
  [{ defaultAction: 'SCMP_ACT_ALLOW', syscalls: {} }, /syscalls: is not an array/u],
  [{ defaultAction: 'SCMP_ACT_ALLOW', flags: ['SECCOMP_FILTER_FLAG_LOG'] }, /flags: "SECCOMP_FILTER_FLAG_LOG" is not/u],
  [{ defaultAction: 'SCMP_ACT_ALLOW', defaultErrnoRet: 1 }, /defaultErrnoRet: SCMP_ACT_ALLOW returns no error number/u],
  [{ defaultAction: 'SCMP_ACT_ALLOW', architectures: ['X86'] }, /architectures\[0\]: unknown architecture "X86"/u],
  [
    {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86'],
      archMap: [{ architecture: 'SCMP_ARCH_X86_64' }],
    },
    /archMap: stands beside "architectures"/u,
  ],
  [withRule({ action: 'SCMP_ACT_NOTIFY' }), /syscalls\[0\]\.action: SCMP_ACT_NOTIFY needs a process/u],
  [withRule({ action: 'SCMP_ACT_DENY' }), /syscalls\[0\]\.action: unknown action "SCMP_ACT_DENY"/u],
  [withRule({ action: 'SCMP_ACT_ERRNO', errnoRet: 4096 }), /errnoRet: 4096 is not a whole number from 0 to 4095/u],
  [withRule({ action: 'SCMP_ACT_ERRNO', errno: 'EPERM' }), /errno: needs the error's number/u],
  [withRule({ names: [] }), /syscalls\[0\]: names no system call/u],
  [withRule({ names: ['read', 3] }), /names\[1\]: is not a non-empty string/u],
  [withRule({ arg: [] }), /syscalls\[0\]: unknown field "arg"/u],
  [withRule({ includes: { cap: [] } }), /includes: unknown field "cap"/u],
  [withRule({ includes: { caps: ['CAP_FOO'] } }), /unknown capability "CAP_FOO"/u],
  [withRule({ excludes: { arches: ['amd46'] } }), /excludes\.arches\[0\]: unknown architecture "amd46"/u],
  [withRule({ includes: { minKernel: 5 } }), /minKernel: 5 is not a kernel version/u],
  [argument({ op: 'SCMP_CMP_LIKE' }), /args\[0\]\.op: unknown operator "SCMP_CMP_LIKE"/u],
  [argument({ index: 6 }), /args\[0\]\.index: 6 is not a whole number from 0 to 5/u],
  [argument({ value: 2 ** 53 }), /args\[0\]\.value: 9007199254740992 is not an exact unsigned 64-bit number/u],
  [argument({ value: -1 }), /args\[0\]\.value: -1 is not/u],
  [argument({ value: undefined }), /args\[0\]\.value: undefined is not/u],
  [argument({ valueTwo: '18446744073709551616' }), /args\[0\]\.valueTwo: "18446744073709551616" is not/u],
  [argument({ mask: 1 }), /args\[0\]: unknown field "mask"/u],
  [
    withRule({
      args: [
        { index: 1, value: 1, op: 'SCMP_CMP_NE' },
        { index: 1, value: 2, op: 'SCMP_CMP_NE' },
      ],
    }),
    /args: two conditions on argument 1/u,
  ],
];
for (const [json, message] of REFUSED) {
  test(`parseSeccompProfile() refuses a profile: ${message.source}`, () => {
    assert.throws(
      () => parse(json),
      (error) => isHutchError(error, 'USAGE_INVALID') && message.test(error.message),
    );
  });
}

test('parseSeccompProfile() refuses what is wrong in a rule that does not apply', () => {
  const json = withRule({ includes: { caps: ['CAP_SYS_TIME'] }, args: [{ index: 9, value: 1, op: 'SCMP_CMP_EQ' }] });
  assert.throws(() => parse(json), /index: 9/u);
});

test('parseSeccompProfile() keeps a value above 2^53 that is written as a string', () => {
  const [rule] = parse(argument({ value: '18446744073709551615' })).profile.syscalls;
  assert.equal(rule?.args?.[0]?.value, '18446744073709551615');
});
