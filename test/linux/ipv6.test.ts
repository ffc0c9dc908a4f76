import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressText6,
  doOverlap6,
  isForHosts6,
  linkLocalOf,
  parseAddress6,
  parseSubnet6,
  subnetText6,
  type Subnet6,
} from '../../src/linux/ipv6.ts';

/** RFC 5952 §4: written so, and read from what else it may be written as. */
for (const [text, ...others] of [
  ['::', '0:0:0:0:0:0:0:0', '0::0'],
  ['::1', '0::0001'],
  ['fd12:3456:789a::2', 'FD12:3456:789A:0:0:0:0:2', 'fd12:3456:789a::0.0.0.2'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8::1:1:1:1:1'],
  ['2001:0:0:1::1', '2001:0:0:1:0:0:0:1'],
  ['2001:db8::1:0:0:1', '2001:db8:0:0:1::1'],
  ['fd00::', 'fd00:0::'],
  ['10:0:10::10', '10:0:10:0::10'],
  ['1:2:3:4:5:6:7:8'],
] as const) {
  test(`${text} is read and written`, () => {
    for (const other of [text, ...others]) assert.equal(addressText6(parseAddress6(other) ?? -1n), text, other);
  });
}

test('parseAddress6() takes nothing else', () => {
  for (const text of [
    '',
    '1.2.3.4',
    'fd00:::1',
    'fd00::12345',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    '[::1]',
    'g::',
    '1::2::3',
    ':1',
    '1:',
    '::1.2.3',
    '::256.0.0.1',
    '1.2.3.4::',
    '1:2:3:4:5:6:7::8',
  ])
    assert.equal(parseAddress6(text), undefined, text);
});

test('parseSubnet6() takes no bits behind the prefix', () => {
  assert.equal(subnetText6(subnet('FD00:1::/64')), 'fd00:1::/64');
  assert.equal(subnetText6(subnet('::/0')), '::/0');
  for (const text of ['fd00::1/64', 'fd00::/129', 'fd00::', 'fd00::/', '10.0.0.0/8', 'fd00::/64/1'])
    assert.equal(parseSubnet6(text), undefined, text);
});

test('isForHosts6() leaves out what is outside, the first, and the gateway', () => {
  const may = (text: string) => isForHosts6(parseAddress6(text) ?? -1n, subnet('fd00:1::/64'), 'fd00:1::1');
  assert.equal(may('fd00:1::2'), true);
  assert.equal(may('fd00:1::ffff:ffff:ffff:ffff'), true);
  for (const text of ['fd00:1::', 'fd00:1::1', 'fd00:1:0:1::2', 'fd00::2']) assert.equal(may(text), false, text);
});

test('doOverlap6() is true when one holds the other', () => {
  assert.equal(doOverlap6(subnet('fd00::/16'), subnet('fd00:1::/64')), true);
  assert.equal(doOverlap6(subnet('fd00:1::/64'), subnet('fd00::/16')), true);
  assert.equal(doOverlap6(subnet('fd00:1::/64'), subnet('fd00:1:0:1::/64')), false);
});

test('linkLocalOf() turns the bit that says who gave the address', () => {
  assert.equal(linkLocalOf('02:42:0a:59:00:02'), 'fe80::42:aff:fe59:2');
  assert.equal(linkLocalOf('00:00:00:00:00:07'), 'fe80::200:ff:fe00:7');
});

function subnet(text: string): Subnet6 {
  const found = parseSubnet6(text);
  assert.ok(found !== undefined, text);
  return found;
}
