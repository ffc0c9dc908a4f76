/** `hutch network …` and what `create` makes of --network, without starting anything. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';
import { world } from './world.ts';

describe('networks', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const hutch = async (...argv: readonly string[]): Promise<string> => printed(await box.hutch(argv)).trim();
  const names = async (...flags: readonly string[]): Promise<string> =>
    (await hutch('network', 'ls', ...flags, '--format', '{{.Name}}')).replaceAll('\n', ' ');
  const inspect = async (name: string, format: string): Promise<string> => hutch('inspect', name, '-f', format);

  before(async () => {
    for (const name of ['web', 'db'])
      assert.equal(await hutch('network', 'create', '--label', `for=${name}`, name), name);
    await hutch('network', 'create', '--internal', '--subnet', '10.201.7.0/24', '--gateway', '10.201.7.9', 'lab');
  });

  it('have subnets that do not overlap, and are shown with docker’s columns and keys', async () => {
    const rows = (await hutch('network', 'ls')).split('\n').map((line) => line.split(/\s{2,}/u));
    assert.deepEqual(rows[0], ['NETWORK ID', 'NAME', 'DRIVER', 'SCOPE']);
    assert.deepEqual(
      rows.slice(1).map((row) => row.slice(1)),
      ['db', 'lab', 'web'].map((name) => [name, 'bridge', 'local']),
    );
    const subnets = (await hutch('network', 'ls', '--format', '{{.Subnet}}')).split('\n');
    assert.equal(new Set(subnets).size, 3);
    assert.ok(subnets.includes('10.201.7.0/24'));
    const [lab] = JSON.parse(await hutch('network', 'inspect', 'lab')) as [Record<string, unknown>];
    assert.deepEqual([lab['Internal'], lab['Driver'], lab['EnableIPv6']], [true, 'bridge', false]);
    assert.deepEqual((lab['IPAM'] as { Config: unknown }).Config, [{ Subnet: '10.201.7.0/24', Gateway: '10.201.7.9' }]);
  });

  it('are filtered, listed by id, and found by the beginning of one', async () => {
    assert.equal(await names('-f', 'label=for=db'), 'db');
    assert.equal(await names('-f', 'name=b'), 'db lab web');
    const id = await hutch('network', 'ls', '-q', '-f', 'label=for=web');
    assert.match(id, /^[\da-f]{12}$/u);
    assert.equal(await hutch('network', 'inspect', '-f', '{{.Name}}', id), 'web');
    assertRefused(await box.hutch(['network', 'ls', '-f', 'color=red']), /^hutch: --filter "color=red"/u);
  });

  it('are refused where a name, a kind, a subnet or IPv6 cannot be had', async () => {
    const refused = async (pattern: RegExp, ...argv: readonly string[]): Promise<void> =>
      assertRefused(await box.hutch(['network', 'create', ...argv]), pattern);
    await refused(/^hutch: there is a network "web" already/u, 'web');
    await refused(/^hutch: "none" cannot be a network's name/u, 'none');
    await refused(/^hutch: "\.\.\/x" cannot be a network's name/u, '../x');
    await refused(/^hutch: invalid value "macvlan" for --driver/u, '-d', 'macvlan', 'x');
    await refused(/^hutch: invalid value "fe80::\/64" for --subnet/u, '--subnet', 'fe80::/64', 'x');
    await refused(
      /^hutch: --subnet fd02::\/64 does not go with/u,
      '--subnet',
      'fd01::/64',
      '--subnet',
      'fd02::/64',
      'x',
    );
    await refused(/overlaps with network "lab"/u, '--subnet', '10.201.0.0/16', 'x');
    assert.equal(await names(), 'db lab web');
  });

  it('have IPv6 where they are asked to, and show it as docker does', async () => {
    await hutch('network', 'create', '--ipv6', 'six');
    assert.match(
      await hutch('network', 'inspect', '-f', '{{.EnableIPv6}} {{(index .IPAM.Config 1).Subnet}}', 'six'),
      /^true fd[\da-f:]+::\/64$/u,
    );
    const subnets = ['--subnet', 'fd07:1:2:3::/64', '--subnet', '10.202.7.0/24'];
    await hutch('network', 'create', ...subnets, '--gateway', 'FD07:1:2:3::00ff', 'chosen');
    const [chosen] = JSON.parse(await hutch('network', 'inspect', 'chosen')) as [{ IPAM: { Config: unknown } }];
    assert.deepEqual(chosen.IPAM.Config, [
      { Subnet: '10.202.7.0/24', Gateway: '10.202.7.1' },
      { Subnet: 'fd07:1:2:3::/64', Gateway: 'fd07:1:2:3::ff' },
    ]);
    assertRefused(
      await box.hutch(['network', 'create', '--subnet', 'fd07:1:2::/48', 'x']),
      /overlaps with network "chosen" \(fd07:1:2:3::\/64\)/u,
    );
    assert.equal(await hutch('network', 'ls', '-f', 'name=chosen', '--format', '{{.IPv6}}'), 'true');
    const fixed = '{{json (index .NetworkSettings.Networks "chosen").IPAMConfig}}';
    await hutch('create', '--net', 'chosen', '--ip6', 'FD07:1:2:3:0::7', '--name', 'fixed', 'host', 'true');
    assert.equal(await inspect('fixed', fixed), '{"IPv6Address":"fd07:1:2:3::7"}');
    for (const [network, ip6, reason] of [
      ['chosen', 'fd07:1:2:3::ff', /^hutch: invalid value "fd07:1:2:3::ff" for --ip6/u],
      ['chosen', 'fd08::7', /for --ip6.*\n.*fd07:1:2:3::\/64/u],
      ['web', 'fd07:1:2:3::7', /for --ip6.*\n.*network "web" has IPv4 alone/u],
    ] as const)
      assertRefused(await box.hutch(['create', '--net', network, '--ip6', ip6, 'host', 'true']), reason);
    await hutch('rm', 'fixed');
    await hutch('network', 'rm', 'six', 'chosen');
  });

  it('with IPv6 are refused in words where the kernel has that switched off', async () => {
    const wrapper = world({ hasNetwork: true, setup: 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6' });
    assert.equal((await box.hutch(['network', 'create', 'x'], { wrapper })).stdout, 'x\n', 'control');
    assert.equal(await hutch('network', 'rm', 'x'), 'x');
    assertRefused(
      await box.hutch(['network', 'create', '--ipv6', 'x'], { wrapper }),
      /^hutch: network "x" needs IPv6, which is off on this host: \S+\/all\/disable_ipv6 is 1$/mu,
    );
  });

  it('of one name are made once, whoever asks at the same time', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => box.hutch(['network', 'create', 'once'])));
    assert.deepEqual(all.map(({ code }) => code).toSorted(), [0, 125, 125, 125]);
    await hutch('network', 'rm', 'once');
  });

  it('are what a container is on, which is refused where there is none of that name', async () => {
    const create = ['create', '--network', 'web:alias=front', '--network', 'lab:ip=10.201.7.20', '--dns', '192.0.2.1'];
    await hutch(...create, '-p', '127.0.0.1::80', '--name', 'c', 'host', 'true');
    assert.equal(await inspect('c', '{{.HostConfig.NetworkMode}}'), 'web');
    const networks = JSON.parse(await inspect('c', '{{json .NetworkSettings.Networks}}')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(networks), ['web', 'lab']);
    assert.deepEqual((networks['lab'] as { IPAMConfig: unknown }).IPAMConfig, { IPv4Address: '10.201.7.20' });
    assert.equal(
      await hutch('ps', '-a', '--filter', 'network=lab', '--format', '{{.Names}} {{.Networks}}'),
      'c web,lab',
    );
    assert.equal(await names('-f', 'dangling=true'), 'db');
    assertRefused(
      await box.hutch(['create', '--net', 'nope', 'host', 'true']),
      /^hutch: there is no network "nope"\n.*network create nope/u,
    );
    const wrong = ['create', '--net', 'web', '--ip', '10.201.7.20', 'host', 'true'];
    assertRefused(await box.hutch(wrong), /^hutch: invalid value "10\.201\.7\.20" for --ip/u);
  });

  it('are changed for a container that does not run, whose name server follows', async () => {
    const id = await inspect('c', '{{.Id}}');
    const gateway = await hutch('network', 'ls', '--filter', 'name=db', '--format', '{{.Gateway}}');
    const nameServers = (): string[] =>
      readFileSync(path.join(box.data, 'containers', id, 'resolv.conf'), 'utf8').match(/^nameserver .*/gmu) ?? [];
    await hutch('network', 'connect', '--alias', 'sql', 'db', 'c');
    for (const name of ['web', 'lab']) await hutch('network', 'disconnect', name, 'c');
    assert.deepEqual(nameServers(), [`nameserver ${gateway}`]);
    assert.equal(
      await inspect('c', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{json $v.Aliases}}{{end}}'),
      'db ["sql"]',
    );
    assertRefused(
      await box.hutch(['network', 'disconnect', 'web', 'c']),
      /^hutch: container "c" is not on network "web"/u,
    );
    assertRefused(
      await box.hutch(['network', 'connect', 'db', 'c']),
      /^hutch: container "c" is on network "db" already/u,
    );
    await hutch('create', '--net', 'none', '--name', 'alone', 'host', 'true');
    assertRefused(
      await box.hutch(['network', 'connect', 'db', 'alone']),
      /^hutch: container "alone" has a network of another kind/u,
    );
  });

  it('are not removed while containers are on them, but with them by -f', async () => {
    assertRefused(
      await box.hutch(['network', 'rm', 'db']),
      /^hutch: network "db" is in use by: c\n.*network disconnect db/u,
    );
    assert.equal(await hutch('network', 'prune', '-f'), 'Deleted Networks:\nlab\nweb');
    assert.equal(await hutch('network', 'rm', '-f', 'db'), 'db');
    assert.equal(await hutch('ps', '-a', '--format', '{{.Names}}'), 'alone');
    const { code } = await box.hutch(['network', 'exists', 'db']);
    assert.equal(code, 1);
  });

  it('need not be made for --net bridge, and the plan of it makes nothing', async () => {
    assert.match(
      await hutch('plan', 'run', '--net', 'bridge', 'host', 'true'),
      /ask the hub to connect it to hutch \(eth0\)/u,
    );
    assert.equal(await names(), '');
    await hutch('create', '--net', 'bridge', '--name', 'bridged', 'host', 'true');
    assert.equal(await names(), 'hutch');
    assert.match(await hutch('system', 'prune', '-f'), /^Deleted Networks:\nhutch$/mu);
  });

  it('are in the events', async () => {
    const events = await hutch(
      'events',
      '--since',
      '1h',
      '--until',
      '0s',
      '--filter',
      'network=db',
      '--format',
      '{{.Action}}',
    );
    // The container did not run: it was never connected.
    assert.deepEqual(events.split('\n'), ['create', 'remove']);
  });
});
