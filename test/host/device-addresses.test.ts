/** What ip(8) prints about a device. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddresses } from '../../src/host/device-addresses.ts';

test('parseAddresses() has those of IPv4 and IPv6', () => {
  const infos = [{ family: 'inet', local: '192.0.2.2' }, { family: 'inet6', local: 'fe80::1', scope: 'link' }, {}];
  assert.deepEqual(parseAddresses(JSON.stringify([{}, { ifname: 'eth0', addr_info: infos }])), [
    '192.0.2.2',
    'fe80::1',
  ]);
});

test('parseAddresses() knows what is no such list', () => {
  for (const text of ['', '{}', 'Device "eth0" does not exist.']) assert.equal(parseAddresses(text), undefined);
  assert.deepEqual(parseAddresses('[]'), []);
});
