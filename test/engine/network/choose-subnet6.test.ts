import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSubnet6, type Subnet6Request } from '../../../src/engine/network/choose-subnet6.ts';
import { parseSubnet6, type Subnet6 } from '../../../src/linux/ipv6.ts';
import { refusal } from '../container/requests.ts';

interface Others {
  readonly networks?: readonly string[];
  readonly host?: readonly string[];
  readonly draws?: readonly string[];
}

function choose(request: Subnet6Request, { networks = [], host = [], draws = [] }: Others = {}) {
  const left = [...draws];
  const draw = (bytes: number): Buffer => Buffer.from((left.shift() ?? '').padStart(bytes * 2, '0'), 'hex');
  const taken = {
    networks: networks.map((text, index) => ({ name: `n${String(index)}`, ipv6: { subnet: text, gateway: '' } })),
    host: host.map(subnet),
  };
  return chooseSubnet6(request, taken, ...(draws.length === 0 ? [] : [draw]));
}

test('chooseSubnet6() draws 40 bits of a local subnet of 64', () => {
  const drawn = choose({}, { draws: ['123456789a'] });
  assert.deepEqual(drawn, { subnet: 'fd12:3456:789a::/64', gateway: 'fd12:3456:789a::1' });
  const [one, other] = [choose({}), choose({})];
  for (const { subnet: text } of [one, other]) assert.match(text, /^fd[\da-f:]{2,12}::\/64$/u);
  assert.notEqual(one.subnet, other.subnet);
});

test('chooseSubnet6() draws again where somebody has what was drawn', () => {
  const draws = ['00', '0000000001', '0000000002', '0000000003'];
  const { subnet: text } = choose({}, { networks: ['fd00:0:1::/48'], host: ['fd00:0:2::/56'], draws });
  assert.equal(text, 'fd00:0:3::/64');
});

test('chooseSubnet6() says when nothing is free', () => {
  assert.throws(
    () => choose({}, { host: ['fc00::/7'] }),
    refusal('SUBNET_UNAVAILABLE', /no IPv6 subnet of fd00::\/8 is free/u),
  );
});

test('chooseSubnet6() takes the one asked for, and writes it as programs do', () => {
  assert.deepEqual(choose({ subnet: '2001:DB8:7:0::/64', gateway: '2001:db8:7:0::00fe' }), {
    subnet: '2001:db8:7::/64',
    gateway: '2001:db8:7::fe',
  });
  assert.equal(choose({ subnet: 'fd00:1::4/126' }).gateway, 'fd00:1::5');
});

for (const [text, others, whose] of [
  ['fd01::/48', { networks: ['fd01:0:0:7::/64'] }, /network "n0" \(fd01:0:0:7::\/64\)/u],
  ['fd01:0:0:7::/64', { host: ['fd01::/48'] }, /fd01::\/48, which this host uses/u],
  ['fd00::/56', {}, /fd00::\/64, by which networks reach the outside/u],
] as const) {
  test(`chooseSubnet6() refuses ${text}, which is somebody's`, () => {
    assert.throws(() => choose({ subnet: text }, others), refusal('SUBNET_UNAVAILABLE', whose));
  });
}

for (const request of [
  { subnet: 'fd01::1/64' },
  { subnet: 'fd01::/127' },
  { subnet: 'fd00::/47' },
  { subnet: 'fd01::' },
  { subnet: 'fe80::/64' },
  { subnet: 'ff02::/64' },
  { subnet: '::/64' },
  { subnet: '::ffff:0:0/96' },
  { subnet: 'fd01::/64', gateway: 'fd02::1' },
  { subnet: 'fd01::/64', gateway: 'fd01::' },
  { subnet: 'fd01::/64', gateway: '10.89.0.1' },
  { gateway: 'fd01::1' },
]) {
  test(`chooseSubnet6() refuses ${JSON.stringify(request)}`, () => {
    assert.throws(() => choose(request), refusal('USAGE_INVALID', /--(?:subnet|gateway)/u));
  });
}

function subnet(text: string): Subnet6 {
  const found = parseSubnet6(text);
  assert.ok(found !== undefined, text);
  return found;
}

test('chooseSubnet6() keeps a part of the subnet for containers, and the gateway beside it', () => {
  assert.deepEqual(choose({ subnet: 'fd01::/64', ipRange: 'FD01:0::1:0/112' }), {
    subnet: 'fd01::/64',
    gateway: 'fd01::1',
    ipRange: 'fd01::1:0/112',
  });
});

for (const request of [
  { subnet: 'fd01::/64', ipRange: 'fd01::/63' },
  { subnet: 'fd01::/64', ipRange: 'fd02::/96' },
  { subnet: 'fd01::/64', ipRange: 'fd01::1/96' },
  { subnet: 'fd01::/64', ipRange: 'x' },
  { ipRange: 'fd01::/96' },
])
  test(`chooseSubnet6() refuses ${JSON.stringify(request)}`, () => {
    assert.throws(() => choose(request), refusal('USAGE_INVALID', /--ip-range/u));
  });
