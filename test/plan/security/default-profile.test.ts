/** What hutch's profiles allow, and how they differ from the profile of containers/common, call by call. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { CAPABILITY_NAMES, DEFAULT_CAPABILITIES } from '../../../src/linux/capabilities.ts';
import { ARCHITECTURES, AUDIT_ARCH, isSyscallName, syscallNumber, syscallTable } from '../../../src/linux/syscalls.ts';
import type { SeccompProfile } from '../../../src/oci/seccomp.ts';
import { compileSeccomp } from '../../../src/plan/security/compile-seccomp.ts';
import { defaultSeccompProfile, nestingSeccompProfile } from '../../../src/plan/security/default-profile.ts';
import { parseSeccompProfile } from '../../../src/plan/security/parse-seccomp-profile.ts';
import { runBpf } from '../../helpers/bpf-interpreter.ts';

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;

/** What a profile says of calls by name, on x86_64. */
function judge(profile: SeccompProfile): (name: string, ...args: readonly bigint[]) => number {
  const program = compileSeccomp(profile, { nativeArchitecture: 'x86_64' });
  return (name, ...args) => {
    const number = syscallNumber('x86_64', name);
    assert.ok(number !== undefined, name);
    return runBpf(program, { arch: AUDIT_ARCH.x86_64, number, args }).action;
  };
}

const byDefault = judge(defaultSeccompProfile(DEFAULT_CAPABILITIES, 'x86_64'));

test('defaultSeccompProfile() refuses what reaches beyond the container', () => {
  const refused = `add_key keyctl request_key bpf perf_event_open userfaultfd open_by_handle_at io_uring_setup io_uring_enter
    io_uring_register kexec_load init_module mount umount2 pivot_root unshare setns fsopen open_tree reboot swapon iopl
    settimeofday clock_settime acct quotactl syslog kcmp vhangup sethostname`;
  for (const name of refused.split(/\s+/u)) assert.equal(byDefault(name), EPERM, name);
});

test('defaultSeccompProfile() allows what C libraries try first', () => {
  for (const name of 'openat2 faccessat2 fchmodat2 statx futex_waitv close_range rseq clone execveat mseal'.split(
    ' ',
  )) {
    assert.equal(byDefault(name), ALLOW, name);
  }
});

test('defaultSeccompProfile() lets clone() make processes and threads but no namespaces', () => {
  assert.equal(byDefault('clone', 0x11n), ALLOW, 'SIGCHLD');
  assert.equal(byDefault('clone', 0x3d0f00n), ALLOW, 'a thread of glibc');
  for (const flag of [0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n]) {
    assert.equal(byDefault('clone', flag | 0x11n), EPERM, flag.toString(16));
  }
  assert.equal(byDefault('clone3'), ENOSYS);
});

test('defaultSeccompProfile() allows the usual socket families only, whatever the high bits are', () => {
  const families = Array.from({ length: 64 }, (_, family) => family);
  const refused = families.filter((family) => byDefault('socket', BigInt(family)) !== ALLOW);
  assert.deepEqual(refused, [12, 19, 20, 23, 25, 34, 37, 38, 40, ...families.slice(46)]);
  assert.equal(byDefault('socket', 0x1_00000026n), EPERM, 'the kernel would drop the high bits and open AF_ALG');
  assert.equal(byDefault('socket', 0x1_00000002n), EPERM);
});

test('defaultSeccompProfile() allows five personalities', () => {
  const asked = [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn, 1n, 0x40000n, 0x1_00000000n];
  assert.deepEqual(
    asked.map((value) => byDefault('personality', value) === ALLOW),
    [true, true, true, true, true, false, false, false],
  );
});

test('defaultSeccompProfile() allows calls with the capability that they need', () => {
  const granted = judge(defaultSeccompProfile(['sys_admin', 'CAP_SYS_TIME', 'dac_read_search'], 'x86_64'));
  for (const name of ['mount', 'unshare', 'setns', 'clone3', 'clock_settime', 'open_by_handle_at']) {
    assert.equal(granted(name), ALLOW, name);
  }
  assert.equal(granted('clone', 0x10000000n), ALLOW);
  assert.equal(granted('chroot'), EPERM, 'CAP_SYS_CHROOT is not among them');
  assert.equal(granted('keyctl'), EPERM);
});

test('defaultSeccompProfile() throws USAGE_INVALID for an unknown capability', () => {
  assert.throws(
    () => defaultSeccompProfile(['SYS_FOO'], 'x86_64'),
    (error) => isHutchError(error, 'USAGE_INVALID') && error.message.includes('"SYS_FOO"'),
  );
});

test('nestingSeccompProfile() adds namespaces, mounts and keyctl, and neither io_uring nor userfaultfd', () => {
  const nested = judge(nestingSeccompProfile(DEFAULT_CAPABILITIES, 'x86_64'));
  for (const name of [
    'unshare',
    'setns',
    'mount',
    'umount2',
    'pivot_root',
    'fsopen',
    'move_mount',
    'clone3',
    'keyctl',
  ]) {
    assert.equal(nested(name), ALLOW, name);
  }
  assert.equal(nested('clone', 0x10000000n), ALLOW);
  for (const name of ['io_uring_setup', 'userfaultfd', 'bpf', 'add_key', 'kexec_load'])
    assert.equal(nested(name), EPERM, name);
});

test('defaultSeccompProfile() names only calls that some architecture has, each of them once', () => {
  const names = defaultSeccompProfile([], 'x86_64')
    .syscalls.filter((rule) => rule.args === undefined)
    .flatMap((rule) => rule.names);
  assert.deepEqual(
    names.filter((name) => !isSyscallName(name)),
    [],
  );
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

test('defaultSeccompProfile() compiles to a short program with few steps for each call', () => {
  const profile = defaultSeccompProfile(DEFAULT_CAPABILITIES, 'x86_64');
  const program = compileSeccomp(profile, { nativeArchitecture: 'x86_64' });
  assert.ok(program.length / 8 < 500, `${program.length / 8} instructions`);
  const steps = Array.from({ length: 600 }, (_, number) => runBpf(program, { arch: AUDIT_ARCH.x86_64, number }).steps);
  const mean = steps.reduce((sum, count) => sum + count, 0) / steps.length;
  assert.ok(mean < 14, `${mean} steps`);
});

const PEER = '/usr/share/containers/seccomp.json';
const skip = existsSync(PEER) ? false : `${PEER} is not installed (package golang-github-containers-common)`;

type Outcome = 'allowed' | 'by argument' | 'refused';

function outcomeOf(profile: SeccompProfile, name: string): Outcome {
  const rules = profile.syscalls.filter((rule) => rule.names.includes(name));
  const plain = rules.find((rule) => rule.args === undefined);
  if (plain !== undefined) return plain.action === 'SCMP_ACT_ALLOW' ? 'allowed' : 'refused';
  return rules.length > 0 ? 'by argument' : 'refused';
}

/** `ours` and `theirs` for calls of these names, and why they differ. */
interface Difference {
  readonly ours: Outcome;
  readonly theirs: Outcome;
  readonly names: string;
  readonly because: string;
}

/** With any capabilities; version 0.50 of containers/common, the one of Debian 12. */
const ALWAYS: readonly Difference[] = [
  {
    ours: 'allowed',
    theirs: 'refused',
    names: `cachestat fchmodat2 futex_requeue futex_wait futex_wake futex_waitv getxattrat listmount listxattrat
      map_shadow_stack mseal removexattrat setxattrat statmount uretprobe`,
    because: 'these calls are younger than that file; docker allows them',
  },
  {
    ours: 'allowed',
    theirs: 'refused',
    names: 'io_pgetevents io_pgetevents_time64 vmsplice',
    because: 'docker allows them: relatives of io_getevents and splice, which both profiles allow',
  },
  {
    ours: 'allowed',
    theirs: 'refused',
    names: 'arm_fadvise64_64 breakpoint arm_sync_file_range cacheflush set_tls',
    because: 'calls of arm only: theirs asks for the architecture, here x86_64 has no such numbers anyway',
  },
  {
    ours: 'refused',
    theirs: 'allowed',
    names: 'readdir sigaction signal sigpending sigsuspend',
    because: 'calls of 32-bit programs of the 1990s, which docker leaves out',
  },
];
const KEYRING: Difference = {
  ours: 'refused',
  theirs: 'allowed',
  names: 'keyctl',
  because: 'keyrings are not namespaced',
};
const PIVOT_ROOT: Difference = {
  ours: 'refused',
  theirs: 'allowed',
  names: 'pivot_root',
  because: 'docker never allows it',
};
const AT_DEFAULT_CAPABILITIES: readonly Difference[] = [
  { ours: 'by argument', theirs: 'allowed', names: 'clone', because: 'no new namespaces without CAP_SYS_ADMIN' },
  {
    ours: 'refused',
    theirs: 'allowed',
    names: `clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount fspick`,
    because: 'a user namespace of its own opens much of the kernel to the payload: seccomp=nesting asks for it',
  },
];
const WANTS_CAPABILITY: readonly Difference[] = [
  {
    ours: 'refused',
    theirs: 'allowed',
    names: 'get_mempolicy mbind set_mempolicy reboot syslog',
    because: 'allowed with CAP_SYS_NICE, CAP_SYS_BOOT and CAP_SYSLOG',
  },
];
const PIDFD_GETFD: Difference = {
  ours: 'refused',
  theirs: 'allowed',
  names: 'pidfd_getfd',
  because: 'allowed with CAP_SYS_PTRACE',
};
const AT_ALL_CAPABILITIES: readonly Difference[] = [
  {
    ours: 'allowed',
    theirs: 'refused',
    names: 'lsm_get_self_attr lsm_list_modules lsm_set_self_attr quotactl_fd set_mempolicy_home_node',
    because: 'younger than that file; docker allows them with the capability of their older relatives',
  },
  { ours: 'refused', theirs: 'allowed', names: 'query_module', because: 'gone since Linux 2.6' },
  {
    ours: 'by argument',
    theirs: 'allowed',
    names: 'socket',
    because: 'they let CAP_AUDIT_WRITE have every family; AF_ALG and AF_VSOCK stay refused here',
  },
];
const NESTING: readonly Difference[] = [
  {
    ours: 'allowed',
    theirs: 'refused',
    names: 'open_tree_attr',
    because: 'younger than that file; open_tree and mount_setattr in one',
  },
];
const NESTING_AT_DEFAULT: readonly Difference[] = [
  {
    ours: 'allowed',
    theirs: 'refused',
    names: 'sethostname setdomainname',
    because: 'a nested container names itself in its own uts namespace',
  },
];

const COMPARISONS = [
  {
    title: 'default profile at default capabilities',
    profileOf: defaultSeccompProfile,
    capabilities: DEFAULT_CAPABILITIES,
    known: [...ALWAYS, KEYRING, PIVOT_ROOT, ...AT_DEFAULT_CAPABILITIES, ...WANTS_CAPABILITY, PIDFD_GETFD],
  },
  {
    title: 'default profile at all capabilities',
    profileOf: defaultSeccompProfile,
    capabilities: CAPABILITY_NAMES,
    known: [...ALWAYS, KEYRING, PIVOT_ROOT, ...AT_ALL_CAPABILITIES],
  },
  {
    title: 'nesting profile at default capabilities',
    profileOf: nestingSeccompProfile,
    capabilities: DEFAULT_CAPABILITIES,
    known: [...ALWAYS, ...WANTS_CAPABILITY, ...NESTING, ...NESTING_AT_DEFAULT],
  },
  {
    title: 'nesting profile at all capabilities',
    profileOf: nestingSeccompProfile,
    capabilities: CAPABILITY_NAMES,
    known: [...ALWAYS, ...AT_ALL_CAPABILITIES, ...NESTING],
  },
];

for (const { title, profileOf, capabilities, known } of COMPARISONS) {
  test(`the ${title} differs from that of containers/common exactly as listed`, { skip }, () => {
    const json: unknown = JSON.parse(readFileSync(PEER, 'utf8'));
    const options = { source: PEER, capabilities, architecture: 'x86_64', kernelRelease: '6.1' } as const;
    const { profile: theirs } = parseSeccompProfile(json, options);
    const ours = profileOf(capabilities, 'x86_64');
    const names = new Set(ARCHITECTURES.flatMap((architecture) => syscallTable(architecture).names));
    const found = [...names]
      .map((name) => `${name}: ${outcomeOf(ours, name)} here, ${outcomeOf(theirs, name)} there`)
      .filter((line) => !/: (.*) here, \1 there$/u.test(line));
    const listed = known.flatMap((difference) =>
      difference.names.split(/\s+/u).map((name) => `${name}: ${difference.ours} here, ${difference.theirs} there`),
    );
    assert.deepEqual(found.sort(), listed.sort());
  });
}
