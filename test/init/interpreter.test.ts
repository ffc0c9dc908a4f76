/** interpret(): which system calls a plan becomes, in which order, and what is said when one of them fails. */
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { test } from 'node:test';
import { interpret } from '../../src/init/interpreter.ts';
import type { Plan, Step, StepFields, StepKind } from '../../src/plan/step.ts';
import type { InitMessage, MonitorMessage } from '../../src/protocol/messages.ts';
import { recordingSyscalls, type RecordingOptions } from '../helpers/recording-syscalls.ts';
import { because, samplePlan, withSubordinates } from '../helpers/sample-plan.ts';

const { EACCES, ENOENT, ENOEXEC, ENOTDIR, EPERM } = constants.errno;
const PLAN = samplePlan({ source: '/', at: '/', userNamespaces: [withSubordinates(1001, 1001, 100_000, 65_535)] });

interface Interpreted {
  readonly calls: readonly string[];
  readonly said: readonly InitMessage[];
  readonly code: number;
}

interface Circumstances extends RecordingOptions {
  readonly heard?: readonly MonitorMessage[];
  readonly trace?: boolean;
  readonly isForked?: boolean;
}

function run(
  steps: readonly Step[],
  { heard = [], trace = false, isForked = false, ...options }: Circumstances = {},
): Interpreted {
  const plan: Plan = { ...PLAN, steps };
  const { syscalls, calls } = recordingSyscalls(options);
  const said: InitMessage[] = [];
  const unheard = [...heard];
  const hear = (): MonitorMessage | undefined => unheard.shift();
  const say = (message: InitMessage): void => void said.push(message);
  const mask = process.umask(0o022);
  try {
    return { code: interpret(plan, { syscalls, say, hear, trace, isForked, hasNetwork: false }), calls, said };
  } finally {
    process.umask(mask);
  }
}

function step<K extends StepKind>(kind: K, fields: StepFields[K]): Step {
  return { kind, why: because('a test'), ...fields } as unknown as Step;
}

const ROOT = step('open_root', { at: '/' });
const program = (argv: readonly string[], env: readonly string[]): Step => step('execve', { argv, env });

test('interpret() enters namespaces in the order of the plan', () => {
  const { calls, code } = run([
    step('setsid', {}),
    step('become_root', { clearGroups: true }),
    step('unshare', { namespaces: ['mount', 'uts'] }),
    step('make_slave', {}),
    step('set_hostname', { hostname: 'box' }),
    step('set_domainname', { domainname: 'lab' }),
    step('loopback_up', {}),
  ]);
  assert.deepEqual(calls, [
    'setsid()',
    'setgroups([])',
    'setresgid(0)',
    'setresuid(0)',
    `unshare(${String(0x0002_0000 | 0x0400_0000)})`,
    `mount(null, "/", null, ${String(0x4000 | 0x8_0000)}, null)`,
    'sethostname("box")',
    'setdomainname("lab")',
    'linkUp("lo")',
  ]);
  assert.equal(code, 125, 'a plan without execve is at its end');
});

test('interpret() leaves setgroups(2) alone when one id is mapped', () => {
  const { calls } = run([step('become_root', { clearGroups: false })]);
  assert.deepEqual(calls, ['setresgid(0)', 'setresuid(0)']);
});

test('interpret() makes a file system before it opens the place for it', () => {
  const proc = step('mount', { type: 'proc', target: '/proc', options: { hidepid: '2' }, attributes: ['nosuid'] });
  const { calls } = run([ROOT, proc]);
  assert.deepEqual(
    calls.map((call) => call.split('(')[0]),
    ['openat2', 'fsopen', 'fsconfig', 'fsconfig', 'fsconfigCreate', 'fsmount', 'close', 'move_mount', 'close', 'close'],
  );
  assert.ok(calls.includes('fsconfig(fd, "hidepid", "2")'));
  assert.ok(calls.includes('fsmount(fd, 2)'));
});

test('interpret() makes the parents that a target lacks, from the top', () => {
  const missing = new Set(['"/a/b"', '"/a"']);
  const fail = (call: string): number | undefined => {
    const path = /^openat2\(\d+, ("[^"]*")/u.exec(call)?.[1] ?? '';
    return missing.delete(path) ? ENOENT : undefined;
  };
  const { calls } = run([ROOT, step('make_directory', { target: '/a/b', mode: 0o700 })], { fail });
  assert.deepEqual(
    calls.filter((call) => call.startsWith('mkdirat')).map((call) => call.replace(/\d{2,}(?=, ")/u, 'root')),
    ['mkdirat(fd, "a", 493)', 'mkdirat(fd, "b", 448)'],
  );
});

test('interpret() refuses links in the place of /proc, /sys and /dev only', () => {
  const NO_SYMLINKS = 0x04;
  const resolve = (target: string): number => {
    const { calls } = run([ROOT, step('make_directory', { target, mode: 0o755 })]);
    return Number(/"resolve":(\d+)/u.exec(calls[0] ?? '')?.[1]);
  };
  assert.deepEqual(
    ['/proc', '/sys', '/dev', '/etc'].map((target) => resolve(target) & NO_SYMLINKS),
    [NO_SYMLINKS, NO_SYMLINKS, NO_SYMLINKS, 0],
  );
});

test('interpret() leaves a path alone that is to be masked and not there', () => {
  const { calls, said } = run(
    [ROOT, step('mask', { target: '/proc/none' }), step('make_read_only', { target: '/proc/no' })],
    {
      fail: (call) => (call.startsWith('openat2') ? ENOENT : undefined),
    },
  );
  assert.ok(calls.every((call) => call.startsWith('openat2')));
  assert.deepEqual(said, []);
});

test('interpret() copies the cover of directories only from where it is mounted, as Linux before 6.15 demands', () => {
  const directory = openSync('/', 'r');
  const masks = ['/proc/acpi', '/proc/scsi'].map((target) => step('mask', { target }));
  const { calls } = run([ROOT, ...masks], { results: { openat2: directory } });
  closeSync(directory);
  const names = calls.map((call) => call.split('(')[0]).filter((name) => name !== 'close' && name !== 'fsconfig');
  const first = ['openat2', 'fsopen', 'fsconfigCreate', 'fsmount', 'move_mount'];
  assert.deepEqual(names, [...first, 'openat2', 'open_tree', 'mount_setattr', 'move_mount']);
});

test('interpret() drops every capability of the bounding set that is not kept and that the kernel knows', () => {
  const CAPBSET_READ = 23;
  const CAPBSET_DROP = 24;
  const { calls } = run([step('bound_capabilities', { keep: ['CAP_CHOWN'] })], {
    fail: (call) => (call === `prctl(${String(CAPBSET_READ)}, 40)` ? constants.errno.EINVAL : undefined),
  });
  const dropped = calls.filter((call) => call.startsWith(`prctl(${String(CAPBSET_DROP)},`));
  assert.equal(dropped.length, 39);
  assert.ok(!dropped.includes(`prctl(${String(CAPBSET_DROP)}, 0)`), 'CAP_CHOWN stays');
});

test('interpret() changes groups before ids, and keeps what is permitted until set_capabilities', () => {
  const { calls } = run([step('set_user', { uid: 5, gid: 6, groups: [7], setGroups: true })]);
  const order = ['setgroups([7])', 'setresgid(6)', 'setresuid(5)', 'capset(0x7, 0x7, 0x0)'].map((call) =>
    calls.indexOf(call),
  );
  assert.ok(order.every((place) => place >= 0));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test('interpret() waits for the monitor where the plan says so', () => {
  const wait = step('wait_for', { what: 'network', helper: ['slirp4netns'] });
  const { said } = run([wait, step('setsid', {})], { heard: [{ event: 'monitor_done' }] });
  assert.deepEqual(said, [{ event: 'init_waits', what: 'network', helper: ['slirp4netns'] }]);
});

test('interpret() goes on meanwhile where the plan says so, and waits once for all that it has asked for', () => {
  const steps = [
    step('wait_for', { what: 'network', helper: ['slirp4netns'], meanwhile: true }),
    step('publish_ports', { ports: [], meanwhile: true }),
    step('setsid', {}),
    step('await_monitor', {}),
    step('loopback_up', {}),
  ];
  const done: MonitorMessage = { event: 'monitor_done' };
  const both = run(steps, { heard: [done, done] });
  assert.deepEqual(both.calls, ['setsid()', 'linkUp("lo")']);
  assert.deepEqual(both.said.slice(0, 2), [
    { event: 'init_waits', what: 'network', helper: ['slirp4netns'] },
    { event: 'init_waits', what: 'ports', helper: [] },
  ]);
  const one = run(steps, { heard: [done] });
  assert.deepEqual(one.calls, ['setsid()'], 'one answer is not enough for two questions');
  const last = one.said.at(-1);
  assert.ok(last?.event === 'init_failed' && last.failure.index === 3 && last.failure.errno === 'EPIPE');
});

test('interpret() takes answers in whichever order they come', () => {
  const steps = [
    step('wait_for', { what: 'network', helper: [], meanwhile: true }),
    step('stdio', { terminal: false, stdin: false, uid: 0, gid: 0 }),
    step('await_monitor', {}),
    step('close_descriptors', {}),
    step('loopback_up', {}),
  ];
  const heard: MonitorMessage[] = [{ event: 'monitor_done' }, { event: 'monitor_took_stdio' }];
  for (const order of [heard, heard.toReversed()]) {
    assert.equal(run(steps, { heard: order }).calls.at(-1), 'linkUp("lo")');
  }
});

test('interpret() gives a forked init other ids only when the monitor holds its ends, as it could not take them in between', () => {
  const steps = (uid: number): Step[] => [
    step('stdio', { terminal: false, stdin: false, uid, gid: 0 }),
    step('set_user', { uid, gid: 0, groups: [], setGroups: true }),
  ];
  const changesIds = (uid: number, circumstances: Circumstances): boolean =>
    run(steps(uid), circumstances).calls.includes(`setresuid(${String(uid)})`);
  assert.equal(changesIds(5, { isForked: true }), false);
  assert.equal(changesIds(5, { isForked: true, heard: [{ event: 'monitor_took_stdio' }] }), true);
  assert.equal(changesIds(5, { isForked: false }), true, 'what was executed in the container is open to its owner');
  assert.equal(changesIds(0, { isForked: true }), true, 'root stays root: nothing to wait for');
});

test('interpret() waits at a step that says nothing of meanwhile for what was asked before, too', () => {
  const steps = [
    step('wait_for', { what: 'network', helper: [], meanwhile: true }),
    step('wait_for', { what: 'rootfs', helper: [] }),
    step('setsid', {}),
  ];
  assert.deepEqual(run(steps, { heard: [{ event: 'monitor_done' }] }).calls, []);
  assert.deepEqual(run(steps, { heard: [{ event: 'monitor_done' }, { event: 'monitor_done' }] }).calls, ['setsid()']);
});

test('interpret() fails with EPIPE when the monitor is gone', () => {
  const { said, calls, code } = run([step('wait_for', { what: 'network', helper: [] }), step('setsid', {})]);
  assert.equal(code, 125);
  assert.deepEqual(calls, [], 'nothing is done after it');
  const last = said.at(-1);
  assert.ok(last?.event === 'init_failed' && last.failure.errno === 'EPIPE' && last.failure.index === 0);
});

const FAILURES: readonly (readonly [string, readonly Step[], string, Record<string, unknown>])[] = [
  ['a plain call', [step('setsid', {})], 'setsid', { index: 0, syscall: 'setsid', errno: 'EPERM', detail: '' }],
  [
    'a call about a name',
    [step('setsid', {}), step('set_hostname', { hostname: 'box' })],
    'sethostname',
    { index: 1, syscall: 'sethostname', errno: 'EPERM', detail: 'box' },
  ],
  [
    'a call about a limit',
    [step('set_rlimit', { resource: 'NOFILE', soft: 1, hard: null })],
    'setrlimit',
    { index: 0, syscall: 'setrlimit', errno: 'EPERM', detail: 'NOFILE' },
  ],
  [
    'a call about a target',
    [ROOT, step('make_directory', { target: '/x', mode: 0o755 })],
    'openat2',
    { index: 1, syscall: 'openat2', errno: 'EPERM', detail: '/x' },
  ],
];

for (const [what, steps, name, failure] of FAILURES) {
  test(`interpret() says which step, call and errno when ${what} fails`, () => {
    const fail = (call: string): number | undefined => (call.startsWith(`${name}(`) ? EPERM : undefined);
    const { said, code } = run([...steps, step('no_new_privileges', {})], { fail });
    assert.deepEqual(said, [{ event: 'init_failed', failure }]);
    assert.equal(code, 125);
  });
}

test('interpret() names the host path that Node could not open', () => {
  const bind = step('bind', {
    source: '/not/there',
    target: '/x',
    recursive: false,
    attributes: [],
    create: 'file',
  });
  const { said } = run([ROOT, bind]);
  assert.deepEqual(said, [
    { event: 'init_failed', failure: { index: 1, syscall: 'open', errno: 'ENOENT', detail: '/not/there' } },
  ]);
});

test('interpret() goes on without a keyring only when the step says it may', () => {
  const join = (required: boolean) =>
    run([step('join_keyring', { name: 'k', required }), step('setsid', {})], {
      fail: (call) => (call.startsWith('keyctlJoin') ? EPERM : undefined),
    });
  assert.deepEqual(join(false).calls, ['keyctlJoin("k")', 'setsid()']);
  assert.equal(join(true).said.length, 1);
});

test('interpret() gives the times of steps only when it is to trace, and none from the filter on', () => {
  const steps = [
    step('setsid', {}),
    step('seccomp', { profile: 'p', instructions: 1, program: 'AAAAAAAAAAA=' }),
    step('set_capabilities', { effective: [], permitted: [], inheritable: [], ambient: [] }),
  ];
  assert.deepEqual(run(steps).said, [{ event: 'init_executes' }]);
  const traced = run(steps, { trace: true }).said;
  assert.deepEqual(
    traced.map((message) => (message.event === 'init_step' ? message.index : message.event)),
    [0, 'init_executes'],
  );
});

test('interpret() binds its last calls before the filter is on', () => {
  const { calls } = run([step('seccomp', { profile: 'p', instructions: 1, program: 'AAAAAAAAAAA=' })]);
  assert.deepEqual(calls, ['prepareLastCalls()', 'seccomp(8 bytes)']);
});

const EXECUTIONS: readonly (readonly [
  string,
  readonly string[],
  (path: string) => number,
  readonly string[],
  number,
])[] = [
  ['is in no directory', ['x'], () => ENOENT, ['/a/x', '/b/x'], 127],
  ['has a slash and is missing', ['./x'], () => ENOENT, ['./x'], 127],
  ['lies below a file', ['x'], () => ENOTDIR, ['/a/x', '/b/x'], 127],
  ['may not be executed', ['x'], () => EACCES, ['/a/x', '/b/x'], 126],
  [
    'may not be executed in one directory and is missing in the next',
    ['x'],
    (path) => (path === '/a/x' ? EACCES : ENOENT),
    ['/a/x', '/b/x'],
    126,
  ],
  ['is of a wrong format', ['x'], () => ENOEXEC, ['/a/x'], 126],
  [
    'is missing in one directory and wrong in the next',
    ['x'],
    (path) => (path === '/a/x' ? ENOENT : ENOEXEC),
    ['/a/x', '/b/x'],
    126,
  ],
];

for (const [what, argv, execve, tried, exit] of EXECUTIONS) {
  test(`interpret() ends with ${String(exit)} when the command ${what}`, () => {
    const { calls, said } = run([program(argv, ['PATH=/a:/b'])], { execve });
    assert.deepEqual(
      calls.filter((call) => call.startsWith('execve')),
      tried.map((path) => `execve("${path}")`),
    );
    assert.equal(calls.at(-1), `_exit(${String(exit)})`);
    assert.deepEqual(said, [{ event: 'init_executes' }], 'the failure goes out by write(2) alone');
    assert.match(calls.at(-2) ?? '', /^write\(4, "\{\\"event\\":\\"init_failed\\".*\\"index\\":-1.*\\n"\)$/u);
  });
}

test('interpret() looks in the usual directories when the environment has no PATH, and in the working directory for an empty part', () => {
  const tried = (env: readonly string[]) =>
    run([program(['x'], env)]).calls.filter((call) => call.startsWith('execve'));
  assert.equal(tried([])[0], 'execve("/usr/local/sbin/x")');
  assert.deepEqual(tried(['PATH=:/b']), ['execve("./x")', 'execve("/b/x")']);
});
