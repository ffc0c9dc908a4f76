/** What the probes of the host make of what they read: pure, no privileges. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeCgroup, ownCgroup, type CgroupFacts } from '../../../src/host/probe/cgroup.ts';
import { explainDevice } from '../../../src/host/probe/device-nodes.ts';
import { conclude, failed, fine, type Topic } from '../../../src/host/probe/finding.ts';
import { distributionFamily, installFix } from '../../../src/host/probe/install-hint.ts';
import { probeKernel, probeNamespaceLimits, probeSeccomp } from '../../../src/host/probe/kernel.ts';
import { mountOf, parseMountTable, targetsBelowProc } from '../../../src/host/probe/mount-table.ts';
import { judgeStoreSpace, probeRuntimeDirectory } from '../../../src/host/probe/places.ts';
import { missingOptions } from '../../../src/host/probe/programs.ts';
import { statusField } from '../../../src/host/probe/read-text.ts';
import {
  apparmorProfile,
  probeApparmor,
  probeLandlock,
  probeSelinux,
} from '../../../src/host/probe/security-modules.ts';

const topic: Topic = { id: 'x', title: 'x', needed: true };

test('failed() is a warning when run can do without it', () => {
  const diagnosis = { cause: 'c', fix: [] };
  assert.equal(failed(topic, '', diagnosis).status, 'fail');
  assert.equal(failed({ ...topic, needed: false }, '', diagnosis).status, 'warn');
});

test('conclude() reports a probe that throws, and one that stays silent', async () => {
  const thrown = await conclude(topic, () => {
    throw new Error('broken probe');
  });
  assert.deepEqual([thrown.status, thrown.detail], ['fail', 'broken probe']);
  const silent = await conclude(topic, () => new Promise(() => undefined), 10);
  assert.deepEqual([silent.status, silent.detail], ['fail', 'no answer within 0.01 s']);
  assert.match(`${String(silent.cause)} ${String(silent.fix[0]?.text)}`, /too busy.* try again/u);
  assert.equal((await conclude(topic, () => fine(topic, 'd'))).status, 'ok');
});

const MOUNTINFO = `21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:5 / /proc rw,nosuid - proc proc rw
23 22 0:6 /null /proc/keys ro,noexec - devtmpfs udev rw
24 21 0:40 / /home rw,nosuid shared:2 master:3 - nfs4 srv:/home rw
25 21 0:41 / /home/my\\040disk rw - ext4 /dev/sdb rw
not a line`;

test('parseMountTable() reads optional fields and escapes, and leaves out what is no mount', () => {
  const mounts = parseMountTable(MOUNTINFO);
  assert.equal(mounts.length, 5);
  assert.deepEqual(mounts[3], { target: '/home', type: 'nfs4', source: 'srv:/home', options: ['rw', 'nosuid'] });
  assert.equal(mounts[4]?.target, '/home/my disk');
});

test('mountOf() takes the deepest mount above a path, not one of a similar name', () => {
  const mounts = parseMountTable(MOUNTINFO);
  assert.equal(mountOf(mounts, '/home/alice')?.type, 'nfs4');
  assert.equal(mountOf(mounts, '/homeless')?.target, '/');
  const covered = [...mounts, { target: '/home', type: 'tmpfs', source: 'x', options: [] }];
  assert.equal(mountOf(covered, '/home')?.type, 'tmpfs');
});

test('targetsBelowProc() lists what covers parts of /proc', () => {
  assert.deepEqual(targetsBelowProc(parseMountTable(MOUNTINFO)), ['/proc/keys']);
});

test('statusField() reads one field of /proc/self/status', () => {
  assert.equal(statusField('NoNewPrivs', 'Name:\tsh\nNoNewPrivs:\t1\n'), '1');
  assert.equal(statusField('Seccomp', 'Seccomp_filters:\t1'), null);
});

test('probeKernel() refuses kernels before 5.12', () => {
  assert.equal(probeKernel('5.12.0').status, 'ok');
  assert.equal(probeKernel('6.1.0-56-cloud').status, 'ok');
  assert.equal(probeKernel('5.11.22').status, 'fail');
  assert.equal(probeKernel('4.18.0-553.el8').status, 'fail');
});

test('probeNamespaceLimits() names the limit that is too low', () => {
  assert.equal(probeNamespaceLimits({ user: 100, net: 100 }).status, 'ok');
  const finding = probeNamespaceLimits({ user: 100, net: 0 });
  assert.equal(finding.detail, 'user.max_net_namespaces = 0');
  assert.equal(finding.fix[0]?.who, 'admin');
});

test('probeSeccomp() fails without filters', () => {
  assert.equal(probeSeccomp('kill_process errno allow').status, 'ok');
  assert.equal(probeSeccomp('kill_thread allow').detail, 'without errno, kill_process');
  assert.equal(probeSeccomp(null).status, 'fail');
});

test('probeLandlock() believes the system call before the list of modules', () => {
  assert.equal(probeLandlock(0, 'landlock').status, 'warn');
  assert.equal(probeLandlock(7, null).detail, 'ABI 7');
  assert.equal(probeLandlock(null, 'lockdown,landlock').status, 'ok');
  assert.equal(probeLandlock(null, 'capability,yama').status, 'warn');
  assert.equal(probeLandlock(null, null).status, 'skip');
});

test('probeApparmor() fails only where the restriction hits us, and writes a profile for our interpreter', () => {
  assert.equal(probeApparmor(true, '/opt/node', 1).status, 'ok');
  assert.equal(probeApparmor(false, '/opt/node', 0).status, 'ok');
  const finding = probeApparmor(false, '/opt/my node', 1);
  assert.equal(finding.status, 'fail');
  assert.ok(finding.fix[0]?.text.includes(apparmorProfile('/opt/my node')));
  assert.match(apparmorProfile('/opt/my node'), /profile hutch "\/opt\/my node" flags=\(unconfined\) \{\n {2}userns,/u);
});

test('probeSelinux() warns when it is enforcing', () => {
  assert.deepEqual(
    [1, 0, null].map((value) => probeSelinux(value).status),
    ['warn', 'ok', 'ok'],
  );
});

test('missingOptions() is not misled by a longer option', () => {
  const help = ' --map-root-user  map\n --kill-child[=<signame>]  kill';
  assert.deepEqual(missingOptions(help, ['--map-root-user', '--kill-child', '--map', '--time']), ['--map', '--time']);
});

test('explainDevice() tells a missing node, a missing driver and a mode apart', () => {
  assert.match(explainDevice('/dev/fuse', 'ENOENT').fix[1]?.text ?? '', /^modprobe fuse/u);
  assert.match(explainDevice('/dev/net/tun', 'EACCES').fix[1]?.text ?? '', /^chmod 0666/u);
  assert.match(explainDevice('/dev/fuse', 'EPERM').cause, /device filter/u);
});

test('installFix() names the package of the distribution', () => {
  assert.equal(installFix('newuidmap', 'debian').text, 'apt-get install uidmap');
  assert.equal(installFix('newuidmap', 'fedora').text, 'dnf install shadow-utils');
  assert.equal(installFix('slirp4netns', 'arch').text, 'pacman -S slirp4netns');
  assert.equal(distributionFamily('ID=rocky\nID_LIKE="rhel centos fedora"\n'), 'fedora');
  assert.equal(distributionFamily('ID=void'), undefined);
});

const delegated: CgroupFacts = {
  uid: 1000,
  isUnified: true,
  manager: '/run/user/1000/bus',
  isOwnWritable: false,
  controllers: ['cpu', 'cpuset', 'io', 'memory', 'pids'],
};

test('judgeCgroup() warns, never fails, and names what is missing', () => {
  assert.equal(judgeCgroup(delegated).status, 'ok');
  const partial = judgeCgroup({ ...delegated, controllers: ['memory', 'pids'] });
  assert.match(partial.cause ?? '', /cpu cpuset io are not delegated/u);
  assert.match(judgeCgroup({ ...delegated, isUnified: false }).cause ?? '', /cgroup v2/u);
  const alone = judgeCgroup({ ...delegated, manager: null });
  assert.deepEqual([alone.status, alone.fix[1]?.text], ['warn', 'loginctl enable-linger 1000']);
});

test('ownCgroup() reads the unified line only', () => {
  assert.equal(ownCgroup('9:cpu:/a\n0::/user.slice/b\n'), '/user.slice/b');
  assert.equal(ownCgroup('9:cpu:/a\n'), '/');
});

test('judgeStoreSpace() warns of network file systems and fails where nothing can be written', () => {
  const on = (type: string, options: string[] = ['rw'], freeBytes = 1e12): string =>
    judgeStoreSpace({ path: '/s', mount: { target: '/s', type, options }, freeBytes }).status;
  assert.equal(on('ext4'), 'ok');
  assert.deepEqual(
    ['nfs4', 'gpfs', 'lustre', 'cifs', 'fuse.sshfs'].map((type) => on(type)),
    Array(5).fill('warn'),
  );
  assert.deepEqual([on('ext4', ['noexec']), on('ext4', ['rw'], 1000)], ['warn', 'warn']);
  assert.deepEqual([on('ext4', ['ro']), on('ext4', ['rw'], 0)], ['fail', 'fail']);
});

test('probeRuntimeDirectory() does not trust a directory of another uid', () => {
  const uid = 4_000_000;
  const finding = probeRuntimeDirectory({ XDG_RUNTIME_DIR: '/' }, uid);
  assert.equal(finding.status, 'warn');
  assert.match(finding.cause ?? '', /^\/ belongs to uid 0/u);
  assert.match(probeRuntimeDirectory({}, uid).cause ?? '', /is not set/u);
});
