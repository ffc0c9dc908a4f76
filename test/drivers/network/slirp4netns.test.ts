/** When slirp4netns gives a container IPv6. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isIPv6Routed } from '../../../src/drivers/network/slirp4netns.ts';

const NONE = '0'.repeat(32);
const row = (destination: string, length: string, flags: string, device: string): string =>
  `${destination} ${length} ${NONE} 00 ${NONE} 00000400 00000001 00000000 ${flags} ${device.padStart(8)}\n`;

test('isIPv6Routed() needs a default route that leads somewhere', () => {
  const local = row('fd000000000000000000000000000000', '40', '00000001', 'eth0');
  const refused = row(NONE, '00', '00200200', 'lo');
  assert.equal(isIPv6Routed(''), false);
  assert.equal(isIPv6Routed(local + refused), false);
  assert.equal(isIPv6Routed(row(NONE, '00', '00000201', 'eth0')), false, 'unreachable');
  assert.equal(isIPv6Routed(local + row(NONE, '00', '00000003', 'eth0') + refused), true);
});
