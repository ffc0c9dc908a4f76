import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetworks } from '../../../src/engine/network/parse-networks.ts';
import type { RunRequest } from '../../../src/engine/container/run-request.ts';
import { refusal } from '../container/requests.ts';

function parse(words: readonly string[], more: Partial<RunRequest> = {}, settings = {}) {
  return parseNetworks({ networks: words, network: words[0], ...more }, settings);
}

test('parseNetworks() takes names, in order, and `bridge` for the network of that kind', () => {
  assert.deepEqual(parse(['front', 'bridge']), [
    { network: 'front', aliases: [] },
    { network: 'hutch', aliases: [] },
  ]);
  assert.deepEqual(parse([], {}, { network: 'bridge' }), [{ network: 'hutch', aliases: [] }]);
});

test('parseNetworks() leaves other kinds of network alone', () => {
  for (const words of [[], ['none'], ['host'], ['pasta'], ['slirp4netns'], ['container:web'], ['pasta:-T']])
    assert.equal(parse(words), undefined, words.join());
});

test('parseNetworks() reads podman’s and docker’s options', () => {
  const wanted = [{ network: 'n', aliases: ['db', 'sql'], ip: '10.89.0.7', ip6: 'fd01::7', mac: '02:42:0a:59:00:07' }];
  assert.deepEqual(parse(['n:alias=DB,alias=sql,ip=10.89.0.7,ip6=fd01::7,mac=02:42:0A:59:00:07']), wanted);
  assert.deepEqual(parse(['name=n,alias=db,alias=sql,ip=10.89.0.7,ip6=fd01::7,mac-address=02:42:0a:59:00:07']), wanted);
});

test('parseNetworks() gives aliases to all networks and addresses to the only one', () => {
  const [one, two] = parse(['a:alias=x', 'b'], { networkAliases: ['y'] }) ?? [];
  assert.deepEqual([one?.aliases, two?.aliases], [['x', 'y'], ['y']]);
  assert.equal(parse(['a'], { ip: '10.89.0.9' })?.[0]?.ip, '10.89.0.9');
  assert.equal(parse(['a'], { ip6: 'FD01:0::9' })?.[0]?.ip6, 'fd01::9');
});

for (const [words, more, message] of [
  [['none', 'a'], {}, /--network none does not go with another --network/u],
  [['a', 'container:b'], {}, /--network container:b does not go with/u],
  [['a', 'a'], {}, /--network a does not go with itself/u],
  [['a', 'b'], { ip: '10.89.0.9' }, /--ip does not go with several/u],
  [['a', 'b'], { macAddress: '02:42:0a:59:00:07' }, /--mac-address does not go with several/u],
  [['a', 'b'], { ip6: 'fd01::9' }, /--ip6 does not go with several/u],
  [['none'], { ip6: 'fd01::9' }, /--ip6 does not go with --network none/u],
  [['a'], { ip6: '10.89.0.9' }, /"10.89.0.9" for --ip6/u],
  [['a:ip6=x'], {}, /"x" for --ip6/u],
  [['none'], { ip: '10.89.0.9' }, /--ip does not go with --network none/u],
  [[], { networkAliases: ['x'] }, /--network-alias does not go with --network slirp4netns/u],
  [['a'], { ip: '10.89.0.256' }, /"10.89.0.256" for --ip/u],
  [['a'], { ip: '::1' }, /"::1" for --ip/u],
  [['a'], { macAddress: '01:42:0a:59:00:07' }, /for --mac-address/u],
  [['a'], { macAddress: '00:00:00:00:00:00' }, /for --mac-address/u],
  [['a'], { networkAliases: ['a b'] }, /"a b" for --network-alias/u],
  [['a:'], { networkAliases: ['-x'] }, /"-x" for --network-alias/u],
  [['ns:/proc/1/ns/net'], {}, /"ns:\/proc\/1\/ns\/net" for --network/u],
  [['a:foo=1'], {}, /"a:foo=1" for --network/u],
  [['a:alias'], {}, /for --network/u],
  [['a:__proto__=1'], {}, /for --network/u],
  [[':ip=1.2.3.4'], {}, /for --network/u],
] as const) {
  test(`parseNetworks() refuses ${words.join(' ')} ${JSON.stringify(more)}`, () => {
    assert.throws(() => parse(words, more), refusal('USAGE_INVALID', message));
  });
}
