import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leadingPorts } from '../../../src/engine/container/leading-ports.ts';

const ports = [{ protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80 }] as const;
const networks = [{ network: 'n', aliases: [] }];
const endpoint = {
  ...{ network: 'n', networkId: '', device: 'eth0', address: '10.89.0.2', prefixLength: 24, gateway: '10.89.0.1' },
  ...{ mac: '', aliases: [] },
};

test('leadingPorts() has those of a container with a network of its own, or on one that leads outside', () => {
  assert.deepEqual(leadingPorts({ ports }, {}), ports);
  assert.deepEqual(leadingPorts({}, {}), []);
  const both = [{ ...endpoint, isInternal: true as const }, endpoint];
  assert.deepEqual(leadingPorts({ ports, networks }, { endpoints: both }), ports);
});

test('leadingPorts() has none of a container on internal networks alone, or on none', () => {
  assert.deepEqual(leadingPorts({ ports, networks }, { endpoints: [{ ...endpoint, isInternal: true }] }), []);
  assert.deepEqual(leadingPorts({ ports, networks: [] }, { endpoints: [] }), []);
  assert.deepEqual(leadingPorts({ ports, networks }, {}), []);
});
