/** buildSpec(): what becomes of flags, image and driver in the runtime spec. Reads the host, changes nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildSpec, type SpecInput } from '../../../src/engine/container/build-spec.ts';
import { INIT_TARGET } from '../../../src/engine/container/payload-arguments.ts';
import { hostImage, type ImageDefaults } from '../../../src/engine/container/image-source.ts';
import type { RunRequest } from '../../../src/engine/container/run-request.ts';
import { networkDriver } from '../../../src/drivers/network/select.ts';
import { DEFAULT_CAPABILITIES } from '../../../src/linux/capabilities.ts';
import { HUTCH_ANNOTATIONS, type RuntimeSpec } from '../../../src/oci/runtime-spec.ts';
import { refusal, requestOf, storeAt } from './requests.ts';

const MAP = [
  { containerId: 0, hostId: 1001, count: 1 },
  { containerId: 1, hostId: 100_000, count: 65_535 },
];

function build(
  changes: Partial<RunRequest> = {},
  rest: Partial<SpecInput> = {},
  defaults: Partial<ImageDefaults> = {},
): RuntimeSpec {
  const request = requestOf({ command: ['sh'], ...changes });
  const image = { ...hostImage(), layerDirectories: [], reference: 'box:1' };
  return buildSpec({
    request,
    image: { ...image, defaults: { ...image.defaults, command: [], ...defaults } },
    id: 'ab'.repeat(32),
    name: 'quiet-hare',
    userNamespace: { uidMap: MAP, gidMap: MAP, writer: 'newuidmap' },
    cgroup: null,
    network: networkDriver('none'),
    ports: [],
    store: storeAt('/no/store'),
    etcFiles: { '/etc/hosts': '/c/hosts' },
    initProgram: null,
    rootPath: '/c/root',
    ...rest,
  });
}

const argsOf = (changes: Partial<RunRequest>, defaults: Partial<ImageDefaults>): readonly string[] =>
  build(changes, {}, defaults).process.args;

test('buildSpec() puts entrypoint and command together as image and flags say', () => {
  const image = { entrypoint: ['e', '1'], command: ['c', '2'] };
  assert.deepEqual(argsOf({ command: [] }, image), ['e', '1', 'c', '2']);
  assert.deepEqual(argsOf({ command: ['x'] }, image), ['e', '1', 'x']);
  assert.deepEqual(argsOf({ command: ['x'], entrypoint: 'y' }, image), ['y', 'x']);
  assert.deepEqual(argsOf({ command: [], entrypoint: 'y' }, image), ['y']);
  assert.deepEqual(argsOf({ command: ['x'], entrypoint: '' }, image), ['x']);
  assert.throws(
    () => argsOf({ command: [] }, {}),
    refusal('USAGE_INVALID', /^no command to run: the image box:1 names none$/u),
  );
});

test('buildSpec() puts the reaper before the command with --init, and shows it read-only', () => {
  const spec = build({ init: true }, { initProgram: '/usr/bin/catatonit' });
  assert.deepEqual(spec.process.args, [INIT_TARGET, '--', 'sh']);
  const mount = spec.mounts.find(({ destination }) => destination === INIT_TARGET);
  assert.equal(mount?.source, '/usr/bin/catatonit');
  assert.ok(mount.options.includes('ro'));
});

test('buildSpec() makes room for a systemd that is asked for or recognized, where its cgroup may be divided', () => {
  const cgroup = { driver: 'systemd', path: 'hutch.slice:hutch:a', resources: {}, isRequired: false } as const;
  const roomOf = (changes: Partial<RunRequest>, isDivided = true): string => {
    const { mounts, process } = build(changes, { cgroup: { ...cgroup, isDivided } });
    const runs = mounts.filter(({ destination }) => ['/run', '/run/lock', '/tmp'].includes(destination)).length;
    const isReadOnly = mounts.find(({ destination }) => destination === '/sys/fs/cgroup')?.options.includes('ro');
    const uuid = process.env.find((entry) => entry.startsWith('container_uuid='))?.slice('container_uuid='.length);
    return `${String(runs)} ${isReadOnly === true ? 'ro' : 'rw'} ${uuid ?? '-'}`;
  };
  const [uuid, off] = ['abababab-abab-4bab-8bab-abababababab', '0 ro -'];
  assert.equal(roomOf({ systemd: 'true' }), `3 rw ${uuid}`);
  assert.equal(roomOf({ command: ['/sbin/init'] }), `3 rw ${uuid}`);
  assert.equal(roomOf({ command: ['/lib/systemd/systemd', '--log-level=debug'] }), `3 rw ${uuid}`);
  assert.equal(roomOf({ command: ['/sbin/init'], tmpfs: ['/tmp:size=1m'] }), `3 rw ${uuid}`);
  assert.equal(roomOf({ command: ['/sbin/init'] }, false), `3 ro ${uuid}`);
  assert.equal(roomOf({ command: ['/sbin/init'], systemd: 'false' }, false), off);
  assert.equal(roomOf({ command: ['sh', '/sbin/init'] }, false), off);
  assert.throws(() => roomOf({ systemd: 'perhaps' }), refusal('USAGE_INVALID', /"perhaps" for --systemd/u));
});

test('buildSpec() makes every namespace but those that are shared', () => {
  const types = (changes: Partial<RunRequest>, rest: Partial<SpecInput> = {}): string[] =>
    build(changes, rest).linux.namespaces.map(({ type }) => type);
  const all = types({});
  for (const type of ['user', 'mount', 'pid', 'uts', 'ipc', 'cgroup', 'network']) assert.ok(all.includes(type), type);
  for (const [flag, type] of [
    ['pid', 'pid'],
    ['uts', 'uts'],
    ['ipc', 'ipc'],
    ['cgroupns', 'cgroup'],
  ] as const) {
    // Without a pid namespace nothing forks into the one of the clocks.
    const gone = flag === 'pid' ? ['pid', 'time'] : [type];
    assert.deepEqual(
      types({ [flag]: 'host' }),
      all.filter((name) => !gone.includes(name)),
    );
  }
  assert.deepEqual(
    types({}, { network: networkDriver('host') }),
    all.filter((name) => name !== 'network'),
  );
});

test('buildSpec() gives root the default capabilities and another user none but those added by name', () => {
  const root = build().process.capabilities;
  assert.deepEqual(root.bounding, [...DEFAULT_CAPABILITIES]);
  assert.deepEqual(
    [root.effective, root.permitted, root.inheritable, root.ambient],
    [root.bounding, root.bounding, [], []],
  );
  const other = build({ user: '1000', capAdd: ['net_raw'] }).process.capabilities;
  assert.deepEqual([other.effective, other.ambient], [['CAP_NET_RAW'], ['CAP_NET_RAW']]);
  assert.ok(other.bounding.includes('CAP_CHOWN'));
  assert.deepEqual(build({ user: '1000' }).process.capabilities.effective, []);
});

test('buildSpec() adds and drops capabilities, and dropping wins', () => {
  const bounding = (changes: Partial<RunRequest>): readonly string[] => build(changes).process.capabilities.bounding;
  assert.deepEqual(bounding({ capDrop: ['ALL'] }), []);
  assert.deepEqual(bounding({ capDrop: ['all'], capAdd: ['CHOWN'] }), ['CAP_CHOWN']);
  assert.equal(bounding({ capAdd: ['ALL'], capDrop: ['SYS_ADMIN'] }).includes('CAP_SYS_ADMIN'), false);
  assert.equal(bounding({ capAdd: ['SYS_ADMIN'], capDrop: ['cap_sys_admin'] }).includes('CAP_SYS_ADMIN'), false);
  assert.throws(() => bounding({ capAdd: ['FLY'] }), refusal('USAGE_INVALID', /"FLY" for --cap-add/u));
  assert.throws(() => bounding({ capDrop: ['FLY'] }), refusal('USAGE_INVALID', /"FLY" for --cap-drop/u));
});

test('buildSpec() fences by default, and --privileged takes all fences away', () => {
  const fenced = build();
  assert.notEqual(fenced.linux.seccomp, null);
  assert.ok(fenced.linux.maskedPaths.length > 5 && fenced.linux.readonlyPaths.length > 3);
  const open = build({ privileged: true });
  assert.equal(open.linux.seccomp, null);
  assert.deepEqual([open.linux.maskedPaths, open.linux.readonlyPaths], [[], []]);
  const sysOf = (spec: RuntimeSpec) =>
    spec.mounts.find(({ destination }) => destination === '/sys')?.options.includes('ro');
  assert.deepEqual([sysOf(fenced), sysOf(open)], [true, false]);
});

test('buildSpec() masks and unmasks single paths, patterns and all', () => {
  const masked = (...securityOptions: readonly string[]) => build({ securityOptions }).linux.maskedPaths;
  const before = masked();
  assert.ok(before.includes('/proc/kcore'));
  assert.equal(masked('unmask=/proc/kcore').includes('/proc/kcore'), false);
  assert.deepEqual(
    masked('unmask=/proc/*').filter((path) => path.startsWith('/proc/')),
    [],
  );
  assert.deepEqual(masked('unmask=ALL'), []);
  assert.deepEqual(masked('mask=/etc/secret'), [...before, '/etc/secret']);
});

test('buildSpec() orders the mounts asked for by depth, lets them replace standard ones, and refuses two at one place', () => {
  const spec = build({ tmpfs: ['/a/b/c', '/a', '/tmp', '/dev/shm:size=1m'] });
  const places = spec.mounts.map(({ destination }) => destination);
  assert.deepEqual(places.slice(-4), ['/a', '/tmp', '/dev/shm', '/a/b/c']);
  assert.equal(places.filter((place) => place === '/dev/shm').length, 1);
  assert.throws(
    () => build({ tmpfs: ['/a', '/b/../a/'] }),
    refusal('USAGE_INVALID', /"\/a" for -v, --tmpfs or --mount/u),
  );
});

test('buildSpec() takes host name, working directory, umask and clock from the flags, or has defaults', () => {
  const plain = build({}, {}, { workingDirectory: '/srv' });
  assert.deepEqual([plain.hostname, plain.process.cwd, plain.process.user.umask], ['ab'.repeat(6), '/srv', 0o022]);
  const asked = build({ hostname: 'web.test', workingDirectory: '/w/../x', umask: '077' });
  assert.deepEqual([asked.hostname, asked.process.cwd, asked.process.user.umask], ['web.test', '/x', 0o077]);
  assert.equal(build({ uts: 'host' }).hostname, undefined);
  for (const hostname of ['', '-a', 'a_b', 'a b', 'a'.repeat(65), 'a\n']) {
    assert.throws(() => build({ hostname }), refusal('USAGE_INVALID', /for -h$/u), JSON.stringify(hostname));
  }
  assert.throws(() => build({ umask: '8' }), refusal('USAGE_INVALID', /for --umask$/u));
});

test('buildSpec() says in annotations what the spec has no field for, and labels cannot change those', () => {
  const { annotations } = build({ interactive: true, labels: ['a=b', `${HUTCH_ANNOTATIONS.name}=forged`] });
  assert.equal(annotations['a'], 'b');
  assert.equal(annotations[HUTCH_ANNOTATIONS.name], 'quiet-hare');
  assert.equal(annotations[HUTCH_ANNOTATIONS.stdin], 'true');
  assert.equal(build({ labels: ['x'] }).annotations['x'], '');
  assert.throws(() => build({ labels: ['=x'] }), refusal('USAGE_INVALID', /"=x" for --label/u));
});

test('buildSpec() refuses --cap-add ALL with --cap-drop ALL, which cannot both be meant', () => {
  assert.throws(() => build({ capAdd: ['all'], capDrop: ['ALL'] }), refusal('USAGE_INVALID', /"ALL" for --cap-drop$/u));
});

test('buildSpec() refuses clock offsets that the kernel would', () => {
  for (const text of ['-99999999999', '99999999999999999999', '-40000d']) {
    assert.throws(() => build({ clockOffset: text }), refusal('USAGE_INVALID', /for --clock-offset$/u), text);
  }
  assert.equal(build({ clockOffset: '-1' }).linux.timeOffsets?.monotonic.secs, -1);
});
