import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseAddress, macOf } from '../../src/hub/choose-address.ts';

const NETWORK = { id: 'f'.repeat(64), name: 'n', subnet: '10.89.3.0/29', gateway: '10.89.3.1', internal: false };

function taken(...addresses: string[]): (address: string) => boolean {
  return (address) => addresses.includes(address);
}

describe('chooseAddress()', () => {
  it('gives the lowest that is free', () => {
    assert.equal(chooseAddress(NETWORK, undefined, taken()), '10.89.3.2');
    assert.equal(chooseAddress(NETWORK, undefined, taken('10.89.3.2', '10.89.3.4')), '10.89.3.3');
  });

  it('keeps to the range of the network', () => {
    assert.equal(chooseAddress({ ...NETWORK, ipRange: '10.89.3.4/30' }, undefined, taken()), '10.89.3.4');
  });

  it('says when none is left, and never gives that of the gateway, of the network or of all', () => {
    const all = [2, 3, 4, 5, 6].map((last) => `10.89.3.${String(last)}`);
    assert.throws(() => chooseAddress(NETWORK, undefined, taken(...all)), { code: 'ADDRESS_UNAVAILABLE' });
  });

  it('gives the one that was asked for', () => {
    assert.equal(chooseAddress(NETWORK, '10.89.3.6', taken()), '10.89.3.6');
  });

  for (const [address, reason] of [
    ['10.89.3.9', /no address of it/u],
    ['10.89.3.1', /not for containers/u],
    ['10.89.3.0', /not for containers/u],
    ['10.89.3.7', /not for containers/u],
    ['10.89.3.5', /another container has/u],
    ['10.89.3', /no address of it/u],
  ] as const) {
    it(`refuses ${address}`, () => {
      assert.throws(() => chooseAddress(NETWORK, address, taken('10.89.3.5')), {
        code: 'ADDRESS_UNAVAILABLE',
        message: reason,
      });
    });
  }
});

describe('macOf()', () => {
  it('is of local administration, and the same for the same address', () => {
    assert.equal(macOf('10.89.0.255'), '02:42:0a:59:00:ff');
  });
});
