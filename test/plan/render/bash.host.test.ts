/** Scripts of renderBash() run by an ordinary user: what the container then looks like from inside. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { UserNamespace } from '../../../src/linux/id-map.ts';
import { renderBash } from '../../../src/plan/render/bash.ts';
import type { Plan, Step } from '../../../src/plan/step.ts';
import { withUserAsRoot } from '../../../src/userns/choose-maps.ts';
import { loginName, readSubordinateIds } from '../../../src/userns/subordinate-ids.ts';
import { ordinaryUser } from '../../helpers/ordinary-user.ts';
import { because, samplePlan, singleId, type SampleOptions } from '../../helpers/sample-plan.ts';

const BUSYBOX = '/bin/busybox';
const isRoot = process.getuid?.() === 0;
const self = { name: loginName(), uid: String(process.getuid?.()), gid: String(process.getgid?.()) };
const user = isRoot ? ordinaryUser() : self;
const [uid, gid] = [Number(user?.uid), Number(user?.gid)];
const ranges = readSubordinateIds(uid, user?.name);
const hasRanges = ranges.uids.length > 0 && ranges.gids.length > 0;
const full: UserNamespace = hasRanges
  ? { uidMap: withUserAsRoot(uid, ranges.uids), gidMap: withUserAsRoot(gid, ranges.gids), writer: 'newuidmap' }
  : singleId(uid, gid);
const skip = skipReason();
const skipSingle = skip !== false || hasRanges ? skip : 'the user has no range in /etc/subuid and /etc/subgid';

let home = '';
before(() => {
  if (skip !== false) return;
  home = mkdtempSync(join(tmpdir(), 'hutch-bash-'));
  makeRoot(join(home, 'root'));
  mkdirSync(join(home, 'a, b:c'));
  for (const name of ['lower', 'upper', 'work']) mkdirSync(join(home, 'a, b:c', name));
  writeFileSync(join(home, 'a, b:c', 'lower', 'below'), 'from below\n');
  if (isRoot) execFileSync('chown', ['-R', `${String(uid)}:${String(gid)}`, home]);
});
after(() => {
  if (home === '') return;
  // overlayfs leaves directories that not even their owner may enter.
  execFileSync('chmod', ['-R', 'u+rwX', home]);
  rmSync(home, { recursive: true });
});

function skipReason(): string | false {
  if (user === undefined) return 'no account with subordinate ids in /etc/subuid';
  if (!existsSync(BUSYBOX)) return 'busybox is not installed';
  if (spawnSync(BUSYBOX, ['true']).status !== 0) return 'busybox does not run';
  return spawnSync('unshare', ['--user', 'true']).status === 0 ? false : 'user namespaces are refused on this host';
}

function makeRoot(root: string): void {
  for (const name of ['bin', 'proc', 'dev', 'sys', 'work', 'merged', 'etc'])
    mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, 'bin', 'busybox'));
  chmodSync(join(root, 'bin', 'busybox'), 0o755);
  for (const name of [
    'sh',
    'cat',
    'id',
    'hostname',
    'ps',
    'pwd',
    'readlink',
    'printf',
    'stat',
    'ls',
    'touch',
    'mount',
    'umount',
    'sleep',
  ]) {
    symlinkSync('busybox', join(root, 'bin', name));
  }
  // An image may hold links that mean another place outside than inside.
  symlinkSync('/etc', join(root, 'link'));
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Renders the sample plan with these changes and runs it as the ordinary user; the payload is a command, or a line for sh. */
function run(payload: string | readonly string[], options: Partial<SampleOptions> = {}, extraFd = false): Outcome {
  const root = join(home, 'root');
  const argv = typeof payload === 'string' ? ['sh', '-c', payload] : payload;
  return runPlan(samplePlan({ source: root, at: root, userNamespaces: [full], argv, ...options }), extraFd);
}

function runPlan(plan: Plan, extraFd = false): Outcome {
  const script = join(home, 'script');
  writeFileSync(script, renderBash(plan), { mode: 0o644 });
  const become = isRoot
    ? ['setpriv', `--reuid=${String(uid)}`, `--regid=${String(gid)}`, '--clear-groups', '--']
    : ['env'];
  const command = [...become, 'bash', script];
  const stdio = extraFd
    ? (['ignore', 'pipe', 'pipe', 'ignore', 'ignore', 'ignore'] as const)
    : (['ignore', 'pipe', 'pipe'] as const);
  const result = spawnSync(command[0] ?? '', command.slice(1), {
    encoding: 'utf8',
    stdio: [...stdio],
    cwd: home,
    env: { PATH: process.env['PATH'], LEAKED: '1' },
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

function outputOf(payload: string | readonly string[], options: Partial<SampleOptions> = {}, extraFd = false): string {
  const { code, stdout, stderr } = run(payload, options, extraFd);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Mount points of the container with type and attributes, in the order of mounting. */
function mountsIn(mountinfo: string): (readonly [string, string, string])[] {
  return mountinfo
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [front = '', behind = ''] = line.split(' - ');
      const fields = front.split(' ');
      return [fields[4] ?? '', behind.split(' ')[0] ?? '', (fields[5] ?? '').replace(',relatime', '')];
    });
}

const STATUS = ['cat', '/proc/self/status'];

function statusField(status: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'mu').exec(status)?.[1]?.trim();
}

test('the script gives host name, process 1, working directory and exit code of the plan', { skip }, () => {
  const { code, stdout } = run('hostname; echo $$; pwd; exit 7', { hostname: 'by-hand' });
  assert.equal(stdout, 'by-hand\n1\n/work\n');
  assert.equal(code, 7);
});

test('the script leaves exactly the mounts of the plan and nothing of the host', { skip }, () => {
  const device = (name: string): [string, string, string] => [`/dev/${name}`, 'devtmpfs', 'rw,nosuid,noexec'];
  const mounts = mountsIn(outputOf('cat /proc/self/mountinfo'));
  const rootType = mounts[0]?.[1] ?? '';
  const nodeType = mounts.find(([at]) => at === '/dev/null')?.[1] ?? '';
  assert.deepEqual(mounts, [
    ['/', rootType, 'ro'],
    ['/proc', 'proc', 'rw,nosuid,nodev,noexec'],
    ['/dev', 'tmpfs', 'rw,nosuid,noexec'],
    ...['null', 'zero'].map((name) => [device(name)[0], nodeType, device(name)[2]]),
    ['/dev/pts', 'devpts', 'rw,nosuid,noexec'],
    ['/sys', 'sysfs', 'ro,nosuid,nodev,noexec'],
    ['/proc/sys', 'proc', 'ro,nosuid,nodev,noexec'],
    ...['/proc/kcore', '/sys/firmware', '/sys/dev/block']
      .filter((path) => existsSync(path))
      .map((path) => [
        path,
        path === '/proc/kcore' ? nodeType : 'tmpfs',
        path === '/proc/kcore' ? 'rw' : 'ro,nosuid,nodev,noexec',
      ]),
  ]);
});

test('the script sets ids, capabilities, limits, umask and signals of the plan', { skip }, () => {
  const status = outputOf(['cat', '/proc/self/status', '/proc/self/limits']);
  // chown, dac_override, fowner, kill, setgid, setuid, net_bind_service
  const kept = '00000000000004eb';
  assert.deepEqual(
    ['CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'NoNewPrivs', 'SigIgn', 'SigBlk', 'Umask'].map((name) =>
      statusField(status, name),
    ),
    [kept, kept, kept, '0000000000000000', '0000000000000000', '1', '0000000000000000', '0000000000000000', '0027'],
  );
  assert.match(status, /^Max open files +256 +512 /mu);
});

test('the script gives another user no capability', { skip: skipSingle }, () => {
  const status = outputOf(STATUS, { uid: 1000 });
  assert.equal(statusField(status, 'Uid')?.split('\t').join(), '1000,1000,1000,1000');
  assert.equal(statusField(status, 'CapEff'), '0000000000000000');
  assert.equal(statusField(status, 'Groups'), '');
});

test('the script gives exactly the environment, whatever is in it', { skip }, () => {
  const env = [
    'PATH=/bin',
    'Q=it\'s "$(id)" `id`\nsecond line',
    'EMPTY=',
    'LD_PRELOAD=/not/there',
    'BASH_ENV=/evil',
    'dotted.name=1',
  ];
  const text = outputOf(['cat', '/proc/self/environ'], { env });
  assert.deepEqual(text.split('\0').slice(0, -1), env);
});

test('the script passes on no descriptor but the first three', { skip }, () => {
  // The last one is what ls itself has open: the directory.
  assert.equal(outputOf(['ls', '/proc/self/fd'], {}, true), '0\n1\n2\n3\n');
});

test('the script resolves targets beneath the root when the image has an absolute link', { skip }, () => {
  const source = join(home, 'a, b:c', 'lower');
  const bind: Step = {
    kind: 'bind',
    source,
    target: '/link/../link/here',
    recursive: true,
    attributes: ['ro', 'nosuid', 'nodev'],
    create: 'directory',
    why: because('a volume'),
  };
  const text = outputOf('cat /etc/here/below; cat /proc/self/mountinfo', { more: [bind] });
  assert.ok(text.startsWith('from below\n'));
  assert.match(text, / \/etc\/here ro,nosuid,nodev,relatime /u);
  assert.ok(!existsSync('/etc/here'));
});

test('the script mounts an overlay whose directories have commas and colons in their names', { skip }, () => {
  const overlay: Step = {
    kind: 'overlay_host_directory',
    from: join(home, 'a, b:c'),
    lower: join(home, 'a, b:c', 'lower'),
    upper: 'upper',
    work: 'work',
    options: ['userxattr', 'volatile'],
    target: '/merged',
    why: because('a layer'),
  };
  assert.equal(outputOf('echo new >/merged/above; cat /merged/below', { more: [overlay] }), 'from below\n');
  assert.equal(readFileSync(join(home, 'a, b:c', 'upper', 'above'), 'utf8'), 'new\n');
});

test('the script prepares the disk of the plan first', { skip }, () => {
  const prepared = join(home, 'made', 'deep');
  const file = { path: join(prepared, 'file'), content: "it's\n" };
  outputOf('true', {
    prepare: { directories: [prepared], files: [file], links: [{ path: join(prepared, 'to'), to: 'file' }] },
  });
  assert.equal(readFileSync(join(prepared, 'to'), 'utf8'), file.content);
});

const FUSE = '/usr/bin/fuse-overlayfs';
const skipFuse =
  skip !== false
    ? skip
    : existsSync(FUSE) && existsSync('/dev/fuse')
      ? false
      : 'fuse-overlayfs or /dev/fuse is missing';

/** The sample with a root that a helper mounts at `made/at`. */
function runHelper(lower: string): Outcome {
  const made = join(home, 'made');
  const [at, upper, work] = [join(made, 'at'), join(made, 'upper'), join(made, 'work')];
  const helper = [FUSE, '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, at];
  const argv = ['sh', '-c', 'cat /proc/mounts; ps'];
  const plan = samplePlan({
    source: at,
    at,
    userNamespaces: [full],
    argv,
    prepare: { directories: [at, upper, work] },
  });
  const steps = plan.steps.filter((step) => step.kind !== 'bind_root' && step.kind !== 'make_root_read_only');
  const wait: Step = { kind: 'wait_for', what: 'rootfs', helper, why: because('the root') };
  return runPlan({ ...plan, steps: steps.toSpliced(2, 0, wait) });
}

test('the script has a helper mount the root, unseen by the container, and ends it', { skip: skipFuse }, () => {
  const { code, stdout, stderr } = runHelper(join(home, 'root'));
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^fuse-overlayfs \/ fuse\.fuse-overlayfs /mu);
  assert.ok(!stdout.includes(FUSE));
  assert.ok(!running().includes(join(home, 'made')));
});

test('the script fails when the helper fails', { skip: skipFuse }, () => {
  const { code, stderr } = runHelper('/not/there');
  assert.equal(code, 125);
  assert.match(stderr, /failed at step 3 \(wait_for\)/u);
});

/** The command lines of all processes that are not zombies. */
function running(): string {
  return execFileSync('ps', ['-e', '-o', 'args'], { encoding: 'utf8' });
}

test('the script maps one id only when the plan says so', { skip }, () => {
  const map = outputOf('cat /proc/self/uid_map', { userNamespaces: [singleId(uid, gid)] });
  assert.deepEqual(map.trim().split(/\s+/u), ['0', String(uid), '1']);
});

test('the script nests a second user namespace with maps of its own', { skip: skipSingle }, () => {
  const map = [
    { containerId: 0, hostId: 1, count: 1000 },
    { containerId: 1000, hostId: 0, count: 1 },
  ];
  const inner: UserNamespace = { uidMap: map, gidMap: map, writer: 'parent' };
  const text = outputOf('cat /proc/self/uid_map; hostname', { userNamespaces: [full, inner], uid: 1000 });
  assert.deepEqual(text.trim().split(/\s+/u), ['0', '1', '1000', '1000', '0', '1', 'sample']);
});

test('the script names the failed step on stderr and ends with 125', { skip }, () => {
  const bind: Step = {
    kind: 'bind',
    source: '/not/there',
    target: '/work',
    recursive: false,
    attributes: [],
    create: 'directory',
    why: because('x'),
  };
  const { code, stdout, stderr } = run('true', { more: [bind] });
  assert.equal(code, 125);
  assert.equal(stdout, '');
  assert.match(stderr, /failed at step 15 \(bind\)/u);
});

test('the script refuses an image with a link in the place of /dev', { skip }, () => {
  const root = join(home, 'linked');
  makeRoot(root);
  rmSync(join(root, 'dev'), { recursive: true });
  symlinkSync('/work', join(root, 'dev'));
  const { code, stderr } = run('true', { source: root, at: root });
  assert.equal(code, 125);
  assert.match(stderr, /the image has a symbolic link at \/dev/u);
});
