import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  REFUSED_CONNECT_FLAGS,
  REFUSED_CREATE_FLAGS,
  refuseNetworkFlags,
} from '../../src/cli/refused-network-flags.ts';
import { refusal } from '../engine/container/requests.ts';

test('refuseNetworkFlags() has a reason for each flag, and names the value', () => {
  const all = { ...REFUSED_CREATE_FLAGS, ...REFUSED_CONNECT_FLAGS };
  assert.ok(Object.keys(all).length > 10);
  for (const [name, { type }] of Object.entries(all)) {
    const [value, word] = type === 'boolean' ? [true, ''] : [['x=y'], ' x=y'];
    assert.throws(
      () => refuseNetworkFlags({ [name]: value }),
      refusal('USAGE_INVALID', new RegExp(`^--${name}${word} cannot be had: \\w`, 'u')),
    );
  }
});

test('refuseNetworkFlags() takes what asks for nothing, but not beside what does', () => {
  refuseNetworkFlags({ scope: ['local'], opt: ['isolate=true'], 'ipam-driver': ['default'], label: ['a=b'] });
  refuseNetworkFlags({});
  assert.throws(
    () => refuseNetworkFlags({ opt: ['isolate=true', 'mtu=9000'] }),
    refusal('USAGE_INVALID', /--opt mtu=9000/u),
  );
});
