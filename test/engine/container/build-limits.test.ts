/** --ulimit and --sysctl. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRlimits } from '../../../src/engine/container/build-rlimits.ts';
import { buildSysctls } from '../../../src/engine/container/build-sysctls.ts';
import { refusal } from './requests.ts';

const FULL = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const all = (): boolean => true;

test('buildRlimits() reads one or two limits, and always sets the number of open files', () => {
  assert.deepEqual(buildRlimits(['nofile=100:200', 'CORE=0', 'stack=8:unlimited', 'nproc=-1']), [
    { type: 'RLIMIT_NOFILE', soft: 100, hard: 200 },
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    { type: 'RLIMIT_STACK', soft: 8, hard: -1 },
    { type: 'RLIMIT_NPROC', soft: -1, hard: -1 },
  ]);
  const [open, ...rest] = buildRlimits([]);
  assert.equal(open?.type, 'RLIMIT_NOFILE');
  assert.ok(open.soft > 0 || open.soft === -1);
  assert.deepEqual(rest, []);
});

test('buildRlimits() refuses unknown names, wrong numbers and a soft limit above the hard one', () => {
  for (const text of [
    '',
    'nofile',
    'nofile=',
    'nofile=x',
    'nofile=1:2:3',
    'files=1',
    'nofile=-2',
    'toString=1',
    '__proto__=1',
  ]) {
    assert.throws(() => buildRlimits([text]), refusal('USAGE_INVALID', /for --ulimit$/u), text);
  }
  for (const text of ['nofile=2:1', 'nofile=unlimited:5']) {
    assert.throws(() => buildRlimits([text]), refusal('USAGE_INVALID', new RegExp(`"${text}"`, 'u')));
  }
});

test('buildRlimits() keeps the last limit of a kind, and refuses those that a start or a kernel could not hold', () => {
  assert.deepEqual(buildRlimits(['nofile=100', 'core=0', 'NOFILE=200']), [
    { type: 'RLIMIT_NOFILE', soft: 200, hard: 200 },
    { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
  ]);
  for (const text of ['nofile=10', 'nofile=0:1000', `nofile=64:${'9'.repeat(20)}`, `core=${'9'.repeat(20)}`]) {
    assert.throws(() => buildRlimits([text]), refusal('USAGE_INVALID', /for --ulimit$/u), text);
  }
  assert.equal(buildRlimits(['nofile=64'])[0]?.soft, 64);
});

test('buildSysctls() opens ping and low ports in a private network, for all ids that are mapped', () => {
  assert.deepEqual(buildSysctls([], all, FULL), {
    'net.ipv4.ping_group_range': '0 65535',
    'net.ipv4.ip_unprivileged_port_start': '0',
  });
  assert.equal(buildSysctls([], all, [{ containerID: 0, hostID: 1, size: 1 }])['net.ipv4.ping_group_range'], '0 0');
  assert.deepEqual(
    buildSysctls([], () => false, FULL),
    {},
  );
});

test('buildSysctls() takes settings of private namespaces, in either spelling, before its own', () => {
  const asked = [
    'net/ipv4/ip_forward=1',
    'kernel.shmmax=5',
    'fs.mqueue.msg_max=20',
    'kernel.domainname=x',
    'net.ipv4.ip_unprivileged_port_start=80',
  ];
  assert.deepEqual(buildSysctls(asked, all, FULL), {
    'net.ipv4.ping_group_range': '0 65535',
    'net.ipv4.ip_unprivileged_port_start': '80',
    'net.ipv4.ip_forward': '1',
    'kernel.shmmax': '5',
    'fs.mqueue.msg_max': '20',
    'kernel.domainname': 'x',
  });
});

test('buildSysctls() refuses what would change the host', () => {
  for (const text of [
    'vm.swappiness=1',
    'kernel.core_pattern=x',
    'net/../kernel/core_pattern=x',
    'net..x=1',
    'kernel.shm_next_id=1',
    'fs.file-max=1',
    'net.a b=1',
    'net.x',
    'net.ipv4.ip_forward=',
    'net.ipv4.ip_forward= ',
    '=1',
  ]) {
    assert.throws(() => buildSysctls([text], all, FULL), refusal('USAGE_INVALID', /for --sysctl$/u), text);
  }
  const shared =
    (type: string) =>
    (candidate: string): boolean =>
      candidate !== type;
  assert.throws(
    () => buildSysctls(['net.ipv4.ip_forward=1'], shared('network'), FULL),
    refusal('USAGE_INVALID', /ip_forward/u),
  );
  assert.throws(() => buildSysctls(['kernel.sem=1'], shared('ipc'), FULL), refusal('USAGE_INVALID', /kernel\.sem/u));
  assert.throws(() => buildSysctls(['kernel.hostname=x'], shared('uts'), FULL), refusal('USAGE_INVALID', /hostname/u));
});
