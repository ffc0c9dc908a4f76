/** /etc/hosts, /etc/hostname and /etc/resolv.conf of a container. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isHutchError } from '../../../src/errors/hutch-error.ts';
import { etcFiles } from '../../../src/engine/container/etc-files.ts';
import type { RunRequest } from '../../../src/engine/container/run-request.ts';
import { bridgeDriver } from '../../../src/drivers/network/bridge.ts';
import { networkDriver } from '../../../src/drivers/network/select.ts';
import type { NetworkDriverName } from '../../../src/drivers/network/driver.ts';
import { refusal, requestOf } from './requests.ts';

function contents(
  changes: Partial<RunRequest>,
  network: NetworkDriverName = 'slirp4netns',
): Readonly<Record<string, string>> {
  const { paths, files } = etcFiles(
    '/c',
    requestOf(changes),
    { hostname: 'web', name: 'quiet-hare' },
    networkDriver(network),
  );
  assert.deepEqual(paths, {
    '/etc/hosts': '/c/hosts',
    '/etc/hostname': '/c/hostname',
    '/etc/resolv.conf': '/c/resolv.conf',
  });
  return Object.fromEntries(files.map(({ path, content }) => [path.slice(3), content]));
}

test('etcFiles() names the container by its host name and its name', () => {
  const { hosts, hostname } = contents({});
  assert.equal(hostname, 'web\n');
  assert.equal(hosts, '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.2.100\tweb quiet-hare\n');
  assert.match(contents({}, 'none')['hosts'] ?? '', /^127\.0\.1\.1\tweb quiet-hare$/mu);
});

test('etcFiles() keeps the host’s files with the network of the host', () => {
  const { hosts } = contents({ addHosts: ['db:192.0.2.7'] }, 'host');
  assert.equal(hosts, `${readFileSync('/etc/hosts', 'utf8')}192.0.2.7\tdb\n`);
});

test('etcFiles() names the host only where it may be reached, by the address that leads there', () => {
  const names = 'host.hutch.internal host.docker.internal host.containers.internal';
  const hostsOf = (changes: Partial<RunRequest>, network?: NetworkDriverName): string =>
    contents(changes, network)['hosts'] ?? '';
  assert.ok(!hostsOf({}).includes('internal'));
  assert.ok(hostsOf({ allowHostLoopback: true }).endsWith(`\n10.0.2.2\t${names}\n`));
  const asked = { addHosts: ['me:host-gateway'] };
  assert.ok(hostsOf({ ...asked, allowHostLoopback: true }).endsWith('\n10.0.2.2\tme\n'));
  assert.ok(hostsOf(asked, 'host').endsWith('127.0.0.1\tme\n'), 'with --net host it is open anyway');
  assert.throws(
    () => hostsOf(asked),
    (error: unknown) => {
      assert.ok(isHutchError(error, 'USAGE_INVALID'));
      assert.match(error.message, /^--add-host me:host-gateway: containers do not reach the host/u);
      assert.match(error.hint ?? '', /--allow-host-loopback/u);
      return true;
    },
  );
  assert.throws(
    () => hostsOf({ allowHostLoopback: true }, 'none'),
    refusal('USAGE_INVALID', /^--allow-host-loopback: /u),
  );
});

test('etcFiles() uses the network’s own name server, and the ones of --dns instead', () => {
  const servers = (changes: Partial<RunRequest>): string[] =>
    (contents(changes)['resolv.conf'] ?? '').split('\n').filter((line) => line.startsWith('nameserver'));
  assert.deepEqual(servers({}), ['nameserver 10.0.2.3']);
  assert.deepEqual(servers({ dns: ['192.0.2.1', '2001:db8::1'] }), ['nameserver 192.0.2.1', 'nameserver 2001:db8::1']);
});

test('etcFiles() replaces the search list by --dns-search', () => {
  const lines = (contents({ dnsSearch: ['a.test', 'b.test'] })['resolv.conf'] ?? '').split('\n');
  assert.deepEqual(
    lines.filter((line) => /^(?:search|domain)/u.test(line)),
    ['search a.test b.test'],
  );
});

test('etcFiles() replaces the options by --dns-option, and refuses anything that could be another line', () => {
  const lines = (contents({ dnsOptions: ['ndots:2', 'rotate'] })['resolv.conf'] ?? '').split('\n');
  assert.deepEqual(
    lines.filter((line) => line.includes('options')),
    ['options ndots:2 rotate'],
  );
  for (const option of ['', 'ndots:2\nnameserver 192.0.2.1', 'a b', 'Ndots', 'ndots:'])
    assert.throws(() => contents({ dnsOptions: [option] }), refusal('USAGE_INVALID', /for --dns-option$/u), option);
});

test('etcFiles() takes addresses of both kinds for --add-host, and refuses anything that could be another line', () => {
  const { hosts = '' } = contents({ addHosts: ['a:192.0.2.1', 'b:[2001:db8::1]', 'c:2001:db8::2'] });
  assert.match(hosts, /^192\.0\.2\.1\ta\n2001:db8::1\tb\n2001:db8::2\tc\n$/mu);
  for (const text of [
    '',
    'a',
    ':192.0.2.1',
    'a:',
    'a:name',
    'a b:192.0.2.1',
    'a\nb:192.0.2.1',
    'a:192.0.2.1\n',
    '-a:192.0.2.1',
    `${'a'.repeat(254)}:192.0.2.1`,
  ]) {
    assert.throws(
      () => contents({ addHosts: [text] }),
      refusal('USAGE_INVALID', /for --add-host$/u),
      JSON.stringify(text),
    );
  }
  assert.throws(() => contents({ dns: ['x'] }), refusal('USAGE_INVALID', /for --dns$/u));
  for (const name of ['', 'a\nnameserver 192.0.2.1', 'a b', 'a..b', '-a', 'a'.repeat(64)]) {
    assert.throws(() => contents({ dnsSearch: [name] }), refusal('USAGE_INVALID', /for --dns-search$/u), name);
  }
  assert.match(contents({ dnsSearch: ['.'] })['resolv.conf'] ?? '', /^search \.$/mu);
});

test('etcFiles() has the gateway of a user network asked for names, as they are first, and leaves the own name to it', () => {
  const { files } = etcFiles(
    '/c',
    requestOf({ dns: ['192.0.2.1'] }),
    { hostname: 'web', name: 'w' },
    bridgeDriver('10.89.3.1'),
  );
  const [hosts = '', , resolv = ''] = files.map(({ content }) => content);
  assert.equal(hosts, '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n');
  assert.deepEqual(
    resolv.split('\n').filter((line) => line.startsWith('nameserver')),
    ['nameserver 10.89.3.1'],
  );
  assert.match(resolv, /ndots:/u);
});
