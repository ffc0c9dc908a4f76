import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseAddress6 } from '../../src/hub/choose-address6.ts';
import { deviceLines } from '../../src/hub/container-device.ts';

const IPV4_ALONE = { id: 'f'.repeat(64), name: 'n', subnet: '10.89.3.0/29', gateway: '10.89.3.1', internal: false };
const NETWORK = { ...IPV4_ALONE, ipv6: { subnet: 'fd01::/125', gateway: 'fd01::1' } };

function choose(asked: string | undefined, ...taken: string[]): unknown {
  return chooseAddress6(NETWORK, asked, (address) => taken.includes(address))?.address;
}

describe('chooseAddress6()', () => {
  it('gives none on a network without IPv6, and says so where one is asked for', () => {
    assert.equal(
      chooseAddress6(IPV4_ALONE, undefined, () => false),
      undefined,
    );
    assert.throws(() => chooseAddress6(IPV4_ALONE, 'fd01::2', () => false), { code: 'ADDRESS_UNAVAILABLE' });
  });

  it('gives the lowest that is free, never the first nor the gateway', () => {
    assert.equal(choose(undefined), 'fd01::2');
    assert.equal(choose(undefined, 'fd01::2', 'fd01::4'), 'fd01::3');
  });

  it('says when none is left', () => {
    const all = [2, 3, 4, 5, 6, 7].map((last) => `fd01::${String(last)}`);
    assert.equal(choose(undefined, ...all.slice(0, -1)), 'fd01::7', 'control');
    assert.throws(() => choose(undefined, ...all), { code: 'ADDRESS_UNAVAILABLE', message: /are taken/u });
  });

  it('gives those of a part alone, where the network has one, and others when they are asked for', () => {
    const network = { ...NETWORK, ipv6: { ...NETWORK.ipv6, ipRange: 'fd01::6/127' } };
    const from = (asked: string | undefined, ...taken: string[]) =>
      chooseAddress6(network, asked, (address) => taken.includes(address))?.address;
    assert.deepEqual([from(undefined), from(undefined, 'fd01::6'), from('fd01::3')], ['fd01::6', 'fd01::7', 'fd01::3']);
    assert.throws(() => from(undefined, 'fd01::6', 'fd01::7'), { code: 'ADDRESS_UNAVAILABLE', message: /are taken/u });
  });

  it('gives the one that was asked for, with what goes with it', () => {
    assert.deepEqual(
      chooseAddress6(NETWORK, 'fd01::6', () => false),
      { address: 'fd01::6', prefixLength: 125, gateway: 'fd01::1' },
    );
  });

  for (const [address, reason] of [
    ['fd01::9', /no address of it/u],
    ['fd01::1', /not for containers/u],
    ['fd01::', /not for containers/u],
    ['fd01::5', /another container has/u],
    ['10.89.3.2', /no address of it/u],
  ] as const) {
    it(`refuses ${address}`, () => {
      assert.throws(() => choose(address, 'fd01::5'), { code: 'ADDRESS_UNAVAILABLE', message: reason });
    });
  }
});

describe('deviceLines()', () => {
  const endpoint = {
    ...{ network: 'n', networkId: '', device: 'eth0', aliases: [], mac: '02:42:0a:59:03:02' },
    ...{ address: '10.89.3.2', prefixLength: 24, gateway: '10.89.3.1' },
  };

  it('say nothing of IPv6 where the network has none: the kernel need not have it', () => {
    assert.deepEqual(deviceLines(endpoint), ['addr add 10.89.3.2/24 broadcast + dev eth0', 'link set eth0 up']);
  });

  it('give the address, and one of the link by the hardware, none of which is asked for first', () => {
    const ipv6 = { address: 'fd01::2', prefixLength: 64, gateway: 'fd01::1' };
    assert.deepEqual(deviceLines({ ...endpoint, ipv6 }).slice(1), [
      'link set eth0 addrgenmode none',
      'link set eth0 up',
      'addr add fe80::42:aff:fe59:302/64 dev eth0 nodad',
      'addr add fd01::2/64 dev eth0 nodad',
    ]);
  });
});
