/** compileMounts(), compileRootfs(), compileIdentity(), compileSecurity(): the decisions, one by one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { defaultSysctls } from '../../../src/oci/default-sysctls.ts';
import type { RootfsSource } from '../../../src/oci/rootfs-source.ts';
import { HUTCH_ANNOTATIONS, type RuntimeSpec, type SpecMount } from '../../../src/oci/runtime-spec.ts';
import { compileIdentity } from '../../../src/plan/compile/compile-identity.ts';
import { compileMounts } from '../../../src/plan/compile/compile-mounts.ts';
import { compilePlan } from '../../../src/plan/compile/compile-plan.ts';
import { compileRootfs } from '../../../src/plan/compile/compile-rootfs.ts';
import { compileSecurity } from '../../../src/plan/compile/compile-security.ts';
import type { CompileInput } from '../../../src/plan/compile/input.ts';
import { defaultSeccompProfile } from '../../../src/plan/security/default-profile.ts';
import type { Step, StepKind } from '../../../src/plan/step.ts';
import { singleId } from '../../helpers/sample-plan.ts';

const CASE = join(import.meta.dirname, '../../golden/image');
const read = (file: string): unknown => JSON.parse(readFileSync(join(CASE, file), 'utf8'));
const INPUT = read('input.json') as CompileInput;
const GOLDEN = read('spec.json') as RuntimeSpec;
const SPEC: RuntimeSpec = {
  ...GOLDEN,
  linux: { ...GOLDEN.linux, seccomp: defaultSeccompProfile(GOLDEN.process.capabilities.bounding, 'x86_64') },
};

const withProcess = (part: Partial<RuntimeSpec['process']>): RuntimeSpec => ({
  ...SPEC,
  process: { ...SPEC.process, ...part },
});
const withMounts = (...mounts: readonly SpecMount[]): RuntimeSpec => ({ ...SPEC, mounts });
const kinds = (steps: readonly Step[]): StepKind[] => steps.map((step) => step.kind);
const only = <K extends StepKind>(steps: readonly Step[], kind: K): Step<K>[] =>
  steps.filter((step) => step.kind === kind) as unknown as Step<K>[];

test('compileMounts() parts attributes, options and words without effect', () => {
  const [step] = compileMounts(
    withMounts({
      destination: '/x',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['rw', 'nosuid', 'size=1m', 'private', 'noswap', 'ro', 'mode=700=1'],
    }),
  );
  assert.ok(step?.kind === 'mount');
  assert.deepEqual(step.attributes, ['nosuid', 'ro']);
  assert.deepEqual(step.options, { size: '1m', noswap: null, mode: '700=1' });
  assert.equal(step.why.spec, 'mounts[0]');
});

test('compileMounts() binds recursively only for rbind, and makes a file only when it is told', () => {
  const bind = (options: readonly string[]) =>
    only(compileMounts(withMounts({ destination: '/x', type: 'bind', source: '/h', options })), 'bind')[0];
  assert.deepEqual([bind(['bind'])?.recursive, bind(['rbind'])?.recursive], [false, true]);
  assert.deepEqual([bind(['bind'])?.create, bind(['bind', 'create=file'])?.create], ['directory', 'file']);
});

test('compileMounts() puts devices and links right behind the mount of /dev, and nowhere when /dev is a volume', () => {
  const dev: SpecMount = { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: [] };
  const pts: SpecMount = { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: [] };
  const count = SPEC.linux.devices.length;
  const steps = kinds(compileMounts(withMounts(dev, pts)));
  assert.deepEqual(steps.slice(0, count + 2), ['mount', ...Array<StepKind>(count).fill('bind'), 'make_symlink']);
  assert.equal(steps.at(-1), 'mount');
  assert.deepEqual(kinds(compileMounts(withMounts({ ...dev, type: 'bind', source: '/h' }))), ['bind']);
});

test('compileMounts() throws SPEC_INVALID when the kernel would not mount the type for a user', () => {
  const ext4: SpecMount = { destination: '/x', type: 'ext4', source: '/dev/sda', options: [] };
  assert.throws(
    () => compileMounts(withMounts(SPEC.mounts[0] ?? ext4, ext4)),
    (error) => isHutchError(error, 'SPEC_INVALID') && error.message.startsWith('mounts[1]: file system type "ext4"'),
  );
});

const AT = { at: '/c/root' } as const;
const ROOTS: readonly (readonly [RootfsSource, readonly StepKind[]])[] = [
  [
    { kind: 'overlay', from: '/c', lower: ['l/0'], upper: 'upper', work: 'work', options: [], ...AT },
    ['mount_overlay', 'open_root'],
  ],
  [{ kind: 'directory', source: '/c/upper', ...AT }, ['bind_root', 'open_root']],
  [{ kind: 'helper', argv: ['fuse-overlayfs'], hide: null, ...AT }, ['bind_root', 'open_root']],
];

for (const [source, expected] of ROOTS) {
  test(`compileRootfs() mounts and opens the root when it is of kind ${source.kind}`, () => {
    assert.deepEqual(kinds(compileRootfs(source)), expected);
  });
}

test('compileRootfs() hides a file of the host by a bind, over which a volume may still come', () => {
  const hide = { directories: ['/boot', '/tmp'], files: ['/swapfile'] };
  const steps = compileRootfs({ kind: 'helper', argv: ['fuse-overlayfs'], hide, ...AT });
  assert.deepEqual(
    only(steps, 'bind').map(({ source, target }) => [source, target]),
    [['/dev/null', '/swapfile']],
  );
  assert.deepEqual(
    only(steps, 'mount').map(({ target, options }) => [target, options['mode']]),
    [
      ['/boot', '755'],
      ['/tmp', '1777'],
    ],
  );
  assert.equal(only(steps, 'mask').length, 0);
});

test('compileIdentity() takes the prefix from limits and reads -1 as unlimited', () => {
  const spec = withProcess({ rlimits: [{ type: 'RLIMIT_NOFILE', soft: 5, hard: -1 }] });
  const [limit] = only(compileIdentity(spec, INPUT), 'set_rlimit');
  assert.deepEqual([limit?.resource, limit?.soft, limit?.hard], ['NOFILE', 5, null]);
});

test('compileIdentity() wants a keyring of its own when no filter keeps the payload from keyctl(2)', () => {
  const unfiltered: RuntimeSpec = { ...SPEC, linux: { ...SPEC.linux, seccomp: null } };
  const required = (spec: RuntimeSpec) => only(compileIdentity(spec, INPUT), 'join_keyring')[0]?.required;
  assert.deepEqual([required(SPEC), required(unfiltered)], [false, true]);
});

const LACKING: readonly (readonly [Partial<RuntimeSpec['process']['user']>, string])[] = [
  [{ uid: 65_536 }, 'user id 65536'],
  [{ gid: 70_000 }, 'group id 70000'],
  [{ additionalGids: [5, 99_999] }, 'group id 99999'],
];
for (const [user, message] of LACKING) {
  test(`compileIdentity() throws ID_UNMAPPED when ${message} has no host id`, () => {
    const spec = withProcess({ user: { ...SPEC.process.user, ...user } });
    assert.throws(
      () => compileIdentity(spec, INPUT),
      (error) => isHutchError(error, 'ID_UNMAPPED') && error.message.startsWith(message),
    );
  });
}

test('compileIdentity() looks into the innermost map', () => {
  const spec = withProcess({ user: { ...SPEC.process.user, uid: 1 } });
  assert.doesNotThrow(() => compileIdentity(spec, INPUT));
  assert.throws(() => compileIdentity(spec, { ...INPUT, userNamespaces: [...INPUT.userNamespaces, singleId(0, 0)] }));
});

test('compileSecurity() puts the filter last with no_new_privs, and before the capabilities go without', () => {
  const order = (noNewPrivileges: boolean) => kinds(compileSecurity(withProcess({ noNewPrivileges }), INPUT));
  assert.deepEqual(order(true).slice(-4), ['no_new_privileges', 'landlock', 'seccomp', 'execve']);
  assert.deepEqual(order(false).slice(-4), ['landlock', 'seccomp', 'set_capabilities', 'execve']);
});

test('compileSecurity() leaves out Landlock and the filter when the spec does', () => {
  const bare: RuntimeSpec = {
    ...SPEC,
    linux: { ...SPEC.linux, seccomp: null },
    annotations: { ...SPEC.annotations, [HUTCH_ANNOTATIONS.landlock]: 'false' },
  };
  const left = kinds(compileSecurity(bare, INPUT));
  assert.ok(!left.includes('landlock') && !left.includes('seccomp'));
});

test('compileSecurity() keeps abstract sockets inside when the network is shared', () => {
  const scope = (spec: RuntimeSpec) => only(compileSecurity(spec, INPUT), 'landlock')[0]?.scopeAbstractSockets;
  const namespaces = SPEC.linux.namespaces.filter(({ type }) => type !== 'network');
  assert.deepEqual([scope(SPEC), scope({ ...SPEC, linux: { ...SPEC.linux, namespaces } })], [false, true]);
});

test('compileSecurity() does not set groups when one id is mapped', () => {
  const [step] = only(compileSecurity(SPEC, { ...INPUT, userNamespaces: [singleId(1000, 1000)] }), 'set_user');
  assert.equal(step?.setGroups, false);
});

test('compileSecurity() counts the instructions of the filter', () => {
  const [filter] = only(compileSecurity(SPEC, INPUT), 'seccomp');
  assert.equal(Buffer.from(filter?.program ?? '', 'base64').length, (filter?.instructions ?? 0) * 8);
});

const SHARED: readonly (readonly ['uts' | 'network' | 'pid' | 'time', StepKind | null])[] = [
  ['uts', 'set_hostname'],
  ['network', 'loopback_up'],
  ['pid', null],
  ['time', null],
];
for (const [name, kind] of SHARED) {
  test(`compilePlan() leaves the host's alone when the ${name} namespace is shared`, () => {
    const namespaces = SPEC.linux.namespaces.filter(({ type }) => type !== name);
    const plan = compilePlan({ ...SPEC, linux: { ...SPEC.linux, namespaces } }, { ...INPUT, networkHelper: null });
    assert.ok(!only(plan.steps, 'unshare').some((step) => (step.namespaces as readonly string[]).includes(name)));
    if (kind !== null) assert.ok(!kinds(plan.steps).includes(kind));
    assert.equal(plan.enter.pid, name === 'pid' ? 'host' : 'private');
    assert.equal(plan.enter.time === null, name === 'time');
  });
}

test('compilePlan() may lose the settings that hutch adds itself, not those that were asked for', () => {
  const own = defaultSysctls(SPEC.linux.gidMappings);
  const sysctl = { ...own, 'net.ipv4.ip_unprivileged_port_start': '80', 'net.ipv4.ip_forward': '1' };
  const steps = only(compilePlan({ ...SPEC, linux: { ...SPEC.linux, sysctl } }, INPUT).steps, 'sysctl');
  assert.deepEqual(
    steps.map(({ optional }) => optional),
    [true, false, false],
  );
});

test('compilePlan() waits for the root before the mount namespace is made, and for the network after it', () => {
  const rootfs: RootfsSource = { kind: 'helper', argv: ['fuse-overlayfs'], hide: null, ...AT };
  const steps = compilePlan(SPEC, { ...INPUT, rootfs }).steps;
  const places = ['rootfs', 'unshare', 'network'].map((what) =>
    steps.findIndex((step) => step.kind === what || (step.kind === 'wait_for' && step.what === what)),
  );
  assert.ok(places.every((place) => place > 0));
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
});

test('compilePlan() waits for the network last, but before a setting of the network that was asked for', () => {
  const order = (sysctl: Readonly<Record<string, string>>): string[] =>
    kinds(compilePlan({ ...SPEC, linux: { ...SPEC.linux, sysctl } }, INPUT).steps);
  const own = defaultSysctls(SPEC.linux.gidMappings);
  for (const sysctl of [own, { ...own, 'kernel.msgmax': '8192' }]) {
    const late = order(sysctl);
    assert.equal(late.indexOf('await_monitor'), late.indexOf('pivot_root') - 1);
  }
  for (const name of ['net.ipv4.conf.tap0.forwarding', 'net/ipv6/conf/tap0/accept_ra']) {
    const early = order({ ...own, [name]: '0' });
    assert.ok(early.indexOf('await_monitor') < early.indexOf('sysctl'));
    assert.equal(early.filter((kind) => kind === 'await_monitor').length, 1);
  }
  const none = kinds(compilePlan(SPEC, { ...INPUT, networkHelper: null }).steps);
  assert.ok(!none.includes('await_monitor'), 'nobody was asked');
});

test('compilePlan() has the cgroup made while the root is mounted, and begins its namespace and mounts it there', () => {
  const mount = { destination: '/sys/fs/cgroup', type: 'cgroup2', source: 'cgroup', options: ['ro'] };
  const volume = { destination: '/sys/fs/cgroup/own', type: 'bind', source: '/v', options: ['bind'] };
  const mounts = [mount, volume, ...SPEC.mounts];
  const own = { ...SPEC, mounts, linux: { ...SPEC.linux, cgroupsPath: 'hutch.slice:hutch:abc' } };
  const { steps } = compilePlan(own, INPUT);
  const order = kinds(steps);
  const places = ['join_cgroup', 'unshare', 'await_monitor', 'unshare_cgroup'].map((kind) =>
    order.indexOf(kind as StepKind),
  );
  const last = order.indexOf('unshare_cgroup');
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.ok(order.indexOf('open_root') < (places[2] ?? 0), 'the root is mounted before it is waited for');
  assert.deepEqual(
    steps.slice(last + 1, last + 3).map((step) => (step as { target?: string }).target),
    ['/sys/fs/cgroup', '/sys/fs/cgroup/own'],
  );
  assert.ok(!(only(steps, 'unshare')[0]?.namespaces as readonly string[]).includes('cgroup'));
  const shared = SPEC.linux.namespaces.filter(({ type }) => type !== 'cgroup');
  const host = compilePlan({ ...own, linux: { ...own.linux, namespaces: shared } }, INPUT);
  assert.ok(!kinds(host.steps).includes('unshare_cgroup') && kinds(host.steps).includes('join_cgroup'));
});

test('compilePlan() gives every step a reason and a pointer', () => {
  for (const { why } of compilePlan(SPEC, INPUT).steps) {
    assert.ok(why.spec !== '' && why.text.length > 10 && !why.text.endsWith('.'), JSON.stringify(why));
  }
});

test('compilePlan() makes no network namespace, and sets nothing in it, where that of another container is joined', () => {
  const path = `container:${'ab'.repeat(32)}`;
  const namespaces = SPEC.linux.namespaces.map(({ type }) => (type === 'network' ? { type, path } : { type }));
  const plan = compilePlan({ ...SPEC, linux: { ...SPEC.linux, namespaces } }, { ...INPUT, networkHelper: null });
  const unshared = (steps: readonly Step[]): readonly string[] => only(steps, 'unshare')[0]?.namespaces ?? [];
  assert.deepEqual(plan.enter.network, { container: 'ab'.repeat(32) });
  assert.equal(plan.enter.why.spec, 'linux.namespaces');
  assert.equal(unshared(plan.steps).includes('network'), false);
  assert.equal(kinds(plan.steps).includes('loopback_up'), false);
  const own = compilePlan(SPEC, INPUT);
  assert.equal(own.enter.network, undefined);
  assert.ok(unshared(own.steps).includes('network'), 'control');
  assert.ok(kinds(own.steps).includes('loopback_up'), 'control');
});

test('compilePlan() gives the process its OOM score while the /proc of the host is there, and a domain only with a host name', () => {
  const asked = { ...withProcess({ oomScoreAdj: 300 }), domainname: 'lab' };
  const { steps } = compilePlan(asked, INPUT);
  assert.deepEqual(
    only(steps, 'set_oom_score').map(({ adjustment }) => adjustment),
    [300],
  );
  assert.ok(kinds(steps).indexOf('set_oom_score') < kinds(steps).indexOf('unshare'));
  assert.equal(kinds(steps)[kinds(steps).indexOf('set_hostname') + 1], 'set_domainname');
  const without = compilePlan(SPEC, INPUT).steps;
  assert.deepEqual([only(without, 'set_oom_score'), only(without, 'set_domainname')], [[], []]);
});
