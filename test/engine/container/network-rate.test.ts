/** networkRate(): units, bounds and refusals of --network-rate and --network-burst. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkRate, parseRate } from '../../../src/engine/container/network-rate.ts';
import { DEFAULT_CAPABILITIES } from '../../../src/linux/capabilities.ts';
import { refusal } from './requests.ts';

const SLIRP = { name: 'slirp4netns', device: 'tap0' } as const;
const DEFAULT = { bounding: DEFAULT_CAPABILITIES };

test('parseRate() takes bits per second in the units of tc(8)', () => {
  const rates = ['64kbit', '8mbit', '8Mbit/s', '1.5gbit', '1mibit', '64000bit'].map(parseRate);
  assert.deepEqual(rates, [64e3, 8e6, 8e6, 1.5e9, 1_048_576, 64e3]);
});

test('parseRate() refuses what may mean bits or bytes, and what is no rate', () => {
  for (const text of ['8m', '8mb', '8mbps', '8000000', '8MB/s', 'mbit', '-8mbit', '8 mbit', '', '1e6bit', '8mbit8']) {
    assert.throws(() => parseRate(text), refusal('USAGE_INVALID', /--network-rate/u), text);
  }
});

test('parseRate() refuses rates at which a packet would take for ever', () => {
  for (const text of ['63kbit', '0mbit', '2000gbit']) {
    assert.throws(() => parseRate(text), refusal('USAGE_INVALID', /for --network-rate/u), text);
  }
});

test('networkRate() gives nothing without the flags, else annotations for the spec', () => {
  assert.deepEqual(networkRate({}, SLIRP, DEFAULT), {});
  assert.deepEqual(networkRate({ networkRate: '8mbit' }, SLIRP, DEFAULT), {
    'org.hutch.network-rate': '8000000',
    'org.hutch.network-burst': '131072',
  });
  const fast = networkRate({ networkRate: '1gbit' }, SLIRP, DEFAULT);
  assert.equal(fast['org.hutch.network-burst'], '1250000', 'ten milliseconds');
});

test('networkRate() refuses a burst that the largest packet does not fit into', () => {
  const asked = (networkBurst: string) => () => networkRate({ networkRate: '8mbit', networkBurst }, SLIRP, DEFAULT);
  assert.throws(asked('64k'), refusal('USAGE_INVALID', /64k/u));
  assert.throws(asked('2g'), refusal('USAGE_INVALID', /2g/u));
  assert.equal(asked('66k')()['org.hutch.network-burst'], '67584');
});

test('networkRate() refuses capabilities that break it, even for programs that only could get them', () => {
  for (const name of ['CAP_NET_ADMIN', 'CAP_NET_RAW']) {
    const bounding = [...DEFAULT_CAPABILITIES, name];
    assert.throws(
      () => networkRate({ networkRate: '8mbit' }, SLIRP, { bounding }),
      refusal('USAGE_INVALID', new RegExp(name, 'u')),
    );
  }
});

test('networkRate() refuses networks without a device', () => {
  for (const name of ['none', 'host'] as const) {
    const asked = () => networkRate({ networkRate: '8mbit' }, { name, device: null }, DEFAULT);
    assert.throws(asked, refusal('USAGE_INVALID', new RegExp(`--net ${name}`, 'u')));
  }
});
