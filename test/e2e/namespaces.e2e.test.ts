/** `hutch run`: which namespaces a container has, which it shares, and what can be seen of that from within. */

import assert from 'node:assert/strict';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { assertRefused, hostSkip, idsSkip, makeSandbox, printed } from './sandbox.ts';

const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const;
type Kind = (typeof KINDS)[number];
/** Flags that share a namespace with the host. */
const SHARING: readonly (readonly [Kind, readonly string[]])[] = [
  ['pid', ['--pid', 'host']],
  ['uts', ['--uts=host']],
  ['ipc', ['--ipc', 'host']],
  ['net', ['--net', 'host']],
  ['net', ['--network=host']],
  ['cgroup', ['--cgroupns', 'host']],
];
const LIST = `for kind in ${KINDS.join(' ')}; do readlink /proc/self/ns/$kind; done`;

const ownNamespaces = (): string[] => KINDS.map((kind) => readlinkSync(`/proc/self/ns/${kind}`));

describe('the namespaces of a container', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('are all its own by default, and with every word "private"', async () => {
    const host = ownNamespaces();
    const flags = ['--pid=private', '--uts=private', '--ipc=private', '--cgroupns=private'];
    for (const given of [[], flags]) {
      const inside = printed(await box.inHost(LIST, ...given))
        .trim()
        .split('\n');
      assert.equal(inside.length, KINDS.length);
      for (const [index, name] of inside.entries()) assert.notEqual(name, host[index]);
    }
  });

  for (const [kind, flags] of SHARING) {
    it(`are the host's for ${kind} with ${flags.join(' ')}, and only for that`, async () => {
      const host = ownNamespaces();
      const inside = printed(await box.inHost(LIST, ...flags))
        .trim()
        .split('\n');
      const shared = KINDS.filter((_, index) => inside[index] === host[index]);
      // Without a pid namespace nothing forks into the one of the clocks.
      assert.deepEqual(shared, kind === 'pid' ? ['pid', 'time'] : [kind]);
    });
  }

  it('can be shared all at once, but for user and mount', async () => {
    const host = ownNamespaces();
    const flags = ['--pid=host', '--uts=host', '--ipc=host', '--net=host', '--cgroupns=host'];
    const inside = printed(await box.inHost(LIST, ...flags))
      .trim()
      .split('\n');
    assert.deepEqual(
      KINDS.filter((_, index) => inside[index] === host[index]),
      ['cgroup', 'ipc', 'net', 'pid', 'time', 'uts'],
    );
  });

  it('show the command as PID 1 and nobody else', async () => {
    const output = printed(await box.inHost('echo $$; set -- /proc/[0-9]*; echo $#'));
    assert.equal(output, '1\n1\n');
  });

  it('show the processes of the host with --pid host', async () => {
    const output = printed(await box.inHost(`test -d /proc/${process.pid} && echo seen`, '--pid', 'host'));
    assert.equal(output, 'seen\n');
  });

  it('have a host name of their own, the one of -h, or the host’s with --uts host', async () => {
    assert.match(printed(await box.inHost('hostname')), /^[0-9a-f]{12}\n$/u);
    assert.equal(
      printed(await box.inHost('hostname; cat /etc/hostname', '-h', 'web.example')),
      'web.example\nweb.example\n',
    );
    assert.equal(printed(await box.inHost('cat /proc/sys/kernel/hostname', '--uts', 'host')), `${hostname()}\n`);
    assert.equal(hostname(), readFileSync('/proc/sys/kernel/hostname', 'utf8').trim());
  });

  it('have clocks that run ahead with --clock-offset', async () => {
    const uptime = async (...flags: readonly string[]): Promise<number> =>
      Number(printed(await box.inHost('cat /proc/uptime', ...flags)).split(' ')[0]);
    const host = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const near = (value: number, expected: number): boolean => Math.abs(value - expected) < 60;
    assert.ok(near(await uptime(), host), 'control');
    assert.ok(near(await uptime('--clock-offset', '86400'), host + 86_400));
    assert.ok(near(await uptime('--clock-offset=1h30m'), host + 5400));
    const past = Math.floor(host / 2);
    if (past > 120) assert.ok(near(await uptime(`--clock-offset=-${past}s`), host - past));
  });

  it('are refused with any other word', async () => {
    for (const flag of ['--pid', '--uts', '--ipc', '--cgroupns']) {
      assertRefused(
        await box.hutch(['run', '--rm', flag, 'container:x', 'host', 'true']),
        new RegExp(`^hutch: invalid value "container:x" for ${flag}\n.*use "host" or "private"`, 'u'),
      );
    }
    assertRefused(
      await box.hutch(['run', '--rm', '--net', 'nowhere', 'host', 'true']),
      /^hutch: there is no network "nowhere"\n.*hutch network create nowhere/u,
    );
    assertRefused(
      await box.hutch(['run', '--rm', '--clock-offset', 'soon', 'host', 'true']),
      /^hutch: invalid value "soon" for --clock-offset\n.*1h30m/u,
    );
  });
});

describe('the ids of a container', { skip: await idsSkip() }, () => {
  const box = makeSandbox();

  it('are the user for root and subordinate ones for 1 to 65535', async () => {
    const map = printed(await box.inHost('cat /proc/self/uid_map'))
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ +/u));
    assert.deepEqual(map[0], ['0', String(process.getuid?.()), '1']);
    assert.equal(map[1]?.[0], '1');
    assert.equal(
      map.slice(1).reduce((sum, [, , count]) => sum + Number(count), 0),
      65_535,
    );
  });

  it('can be changed to, all of them', async () => {
    assert.equal(printed(await box.inHost('id -u; id -g', '-u', '65535:65535')), '65535\n65535\n');
    assert.equal(
      printed(await box.inHost('touch /tmp/f; chown 65535:1 /tmp/f; stat -c %u:%g /tmp/f', '--tmpfs', '/tmp')),
      '65535:1\n',
    );
  });

  it('belong to a namespace two deep when asked for, with a network and with every id', async () => {
    const nested = { env: { HUTCH_NESTED: '1' } };
    const script = 'cat /proc/self/uid_map; touch /etc/new; chown 65535:33 /etc/new; stat -c %u:%g /etc/new';
    for (const driver of ['overlay', 'fuse-overlayfs']) {
      const argv = ['run', '--rm', '--net', 'none', '--storage-driver', driver, 'host', 'sh', '-c', script];
      assert.match(printed(await box.hutch(argv, nested)), /^ +0 +0 +1\n +1 +1 +65535\n65535:33\n$/u, driver);
    }
    const network = ['run', '--rm', 'host', 'sh', '-c', 'cat /sys/class/net/tap0/mtu'];
    assert.equal(printed(await box.hutch(network, nested)), '65520\n');
  });
});
