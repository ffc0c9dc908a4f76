import assert from 'node:assert/strict';
import type { NetworkInterfaceInfo } from 'node:os';
import { test } from 'node:test';
import { hostSubnets, hostSubnets6 } from '../../src/host/host-subnets.ts';
import { subnetText } from '../../src/linux/ipv4.ts';
import { subnetText6 } from '../../src/linux/ipv6.ts';

const ROUTES = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
wg0\t0000590A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
wg0\t07000A0A\t00000000\t0001\t0\t0\t0\tFFFFFFFF\t0\t0\t0
`;

const device = (cidr: string, family: 'IPv4' | 'IPv6' = 'IPv4') => ({ cidr, family }) as NetworkInterfaceInfo;

test('hostSubnets() reads routes, but for the one to everywhere', () => {
  assert.deepEqual(hostSubnets(ROUTES, {}).map(subnetText), ['192.168.1.0/24', '10.89.0.0/16', '10.10.0.7/32']);
});

test('hostSubnets() takes the halves of a VPN for a route to everywhere', () => {
  const halves =
    'tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\ntun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n';
  assert.deepEqual(hostSubnets(ROUTES + halves, {}).map(subnetText), hostSubnets(ROUTES, {}).map(subnetText));
});

test('hostSubnets() has the subnets of devices', () => {
  const devices = { lo: [device('127.0.0.1/8'), device('::1/128', 'IPv6')], eth0: [device('172.16.5.9/20')] };
  assert.deepEqual(hostSubnets('', devices).map(subnetText), ['127.0.0.0/8', '172.16.0.0/20']);
});

test('hostSubnets() reads this host', () => {
  assert.ok(hostSubnets().map(subnetText).includes('127.0.0.0/8'));
});

const NONE = '0'.repeat(32);
const row = (destination: string, length: string) =>
  `${destination.padEnd(32, '0')} ${length} ${NONE} 00 ${NONE} 00000100 00000001 00000000 00000001     eth0`;

test('hostSubnets6() reads routes, but for those to everywhere, and devices', () => {
  const devices = { eth0: [device('172.16.5.9/20'), device('fd07::9/56', 'IPv6'), device('fe80::9/64', 'IPv6')] };
  const routes = [row('', '00'), row('8', '01'), row('fc', '07'), row('20010db8', '20'), ''].join('\n');
  assert.deepEqual(hostSubnets6(routes, devices).map(subnetText6), ['fd07::/56', 'fe80::/64', '2001:db8::/32']);
});
