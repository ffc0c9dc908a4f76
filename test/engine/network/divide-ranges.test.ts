import assert from 'node:assert/strict';
import { test } from 'node:test';
import { divideRanges, type Ranges } from '../../../src/engine/network/divide-ranges.ts';
import { refusal } from '../container/requests.ts';

const divide = (given: Partial<Ranges>) =>
  divideRanges({ subnets: [], gateways: [], ipRanges: [], ipv6: false, ...given });

test('divideRanges() tells the kinds apart in any order', () => {
  assert.deepEqual(divide({ subnets: ['fd01::/64', '10.9.0.0/24'], gateways: ['10.9.0.9', 'fd01::9'] }), {
    v4: { subnet: '10.9.0.0/24', gateway: '10.9.0.9', ipRange: undefined },
    v6: { subnet: 'fd01::/64', gateway: 'fd01::9', ipRange: undefined },
  });
});

test('divideRanges() has IPv6 where --ipv6 or a subnet asks for it, and else not', () => {
  assert.deepEqual(divide({ ipv6: true }).v6, { subnet: undefined, gateway: undefined, ipRange: undefined });
  assert.equal(divide({ subnets: ['fd01::/64'] }).v6?.subnet, 'fd01::/64');
  assert.equal(divide({ subnets: ['10.9.0.0/24'], ipRanges: ['10.9.0.0/25'] }).v6, undefined);
  assert.equal(divide({ ipRanges: ['10.9.0.0/25', 'fd01::/96'] }).v6?.ipRange, 'fd01::/96');
});

for (const [given, message] of [
  [{ subnets: ['10.9.0.0/24', '10.8.0.0/24'] }, /--subnet 10\.8\.0\.0\/24 does not go with --subnet 10\.9\.0\.0\/24/u],
  [{ subnets: ['fd01::/64', 'fd02::/64'] }, /--subnet fd02::\/64 does not go with/u],
  [{ gateways: ['fd01::1', 'fd01::2'] }, /--gateway fd01::2 does not go with/u],
  [{ ipRanges: ['fd01::/96', 'fd01::/97'] }, /--ip-range fd01::\/97 does not go with/u],
] as const) {
  test(`divideRanges() refuses ${JSON.stringify(given)}`, () => {
    assert.throws(() => divide(given), refusal('USAGE_INVALID', message));
  });
}
