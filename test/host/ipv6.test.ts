import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireIPv6 } from '../../src/host/ipv6.ts';
import { refusal } from '../engine/container/requests.ts';

const CONF = '/proc/sys/net/ipv6/conf';
const kernel =
  (values: Readonly<Record<string, string>>) =>
  (path: string): string | null =>
    values[path] ?? null;
const settings = (all: string, byDefault: string) =>
  kernel({ [`${CONF}/all/disable_ipv6`]: all, [`${CONF}/default/disable_ipv6`]: byDefault });

test('requireIPv6() is content where nothing is off', () => {
  requireIPv6('network "web"', settings('0', '0'));
});

for (const [read, message] of [
  [kernel({}), /^network "web" needs IPv6, which is off on this host: the kernel has no \/proc\/sys\/net\/ipv6/u],
  [settings('1', '0'), /conf\/all\/disable_ipv6 is 1$/u],
  [settings('0', '1'), /conf\/default\/disable_ipv6 is 1$/u],
] as const) {
  test(`requireIPv6() refuses: ${String(message)}`, () => {
    assert.throws(() => requireIPv6('network "web"', read), refusal('HOST_FEATURE_MISSING', message));
  });
}
