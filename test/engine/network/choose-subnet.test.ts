import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSubnet, type SubnetRequest } from '../../../src/engine/network/choose-subnet.ts';
import { parseSubnet, type Subnet } from '../../../src/linux/ipv4.ts';
import { refusal } from '../container/requests.ts';

function subnet(text: string): Subnet {
  const found = parseSubnet(text);
  assert.ok(found !== undefined);
  return found;
}

const choose = (request: SubnetRequest, networks: readonly string[] = [], host: readonly string[] = []) =>
  chooseSubnet(request, {
    networks: networks.map((text, index) => ({ name: `n${String(index)}`, subnet: text })),
    host: host.map(subnet),
  });

test('chooseSubnet() finds the first of the pool that neither a network nor the host has', () => {
  assert.deepEqual(choose({}), { subnet: '10.89.0.0/24', gateway: '10.89.0.1' });
  assert.equal(choose({}, ['10.89.0.0/24', '10.89.1.128/25'], ['10.89.2.7/32']).subnet, '10.89.3.0/24');
  assert.equal(choose({}, ['10.89.0.0/17']).subnet, '10.89.128.0/24');
});

test('chooseSubnet() says that the pool is used up', () => {
  assert.throws(
    () => choose({}, [], ['10.0.0.0/8']),
    refusal('SUBNET_UNAVAILABLE', /no subnet of 10\.89\.0\.0\/16 is free/u),
  );
});

test('chooseSubnet() takes the one asked for, with gateway and range', () => {
  assert.deepEqual(choose({ subnet: '192.168.7.0/24', gateway: '192.168.7.254', ipRange: '192.168.7.64/26' }), {
    subnet: '192.168.7.0/24',
    gateway: '192.168.7.254',
    ipRange: '192.168.7.64/26',
  });
  assert.equal(choose({ subnet: '10.90.0.4/30' }).gateway, '10.90.0.5');
});

for (const [text, networks, host, whose] of [
  ['10.90.0.0/16', ['10.90.7.0/24'], [], /network "n0" \(10\.90\.7\.0\/24\)/u],
  ['192.168.1.0/25', [], ['192.168.1.0/24'], /192\.168\.1\.0\/24, which this host uses/u],
  ['10.0.0.0/14', [], [], /10\.0\.2\.0\/24, by which networks reach the outside/u],
] as const) {
  test(`chooseSubnet() refuses ${text}, which is somebody's`, () => {
    assert.throws(() => choose({ subnet: text }, networks, host), refusal('SUBNET_UNAVAILABLE', whose));
  });
}

for (const request of [
  { subnet: '10.90.0.1/24' },
  { subnet: '10.90.0.0/31' },
  { subnet: '10.0.0.0/7' },
  { subnet: '10.90.0.0' },
  { subnet: 'fd00::/64' },
  { subnet: '127.0.5.0/24' },
  { subnet: '224.0.0.0/24' },
  { subnet: '0.0.0.0/8' },
  { subnet: '10.90.0.0/24', gateway: '10.91.0.1' },
  { subnet: '10.90.0.0/24', gateway: '10.90.0.0' },
  { subnet: '10.90.0.0/24', gateway: '10.90.0.255' },
  { subnet: '10.90.0.0/24', ipRange: '10.90.0.0/23' },
  { subnet: '10.90.0.0/24', ipRange: '10.91.0.0/25' },
  { gateway: '10.89.0.1' },
  { ipRange: '10.89.0.0/25' },
]) {
  test(`chooseSubnet() refuses ${JSON.stringify(request)}`, () => {
    assert.throws(() => choose(request), refusal('USAGE_INVALID', /--(?:subnet|gateway|ip-range)/u));
  });
}
