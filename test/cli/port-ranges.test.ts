/** portRanges(): published ports as `ps` shows them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portRanges } from '../../src/cli/port-ranges.ts';
import type { PublishedPort } from '../../src/oci/published-port.ts';

const port = (hostPort: number, containerPort: number, changes: Partial<PublishedPort> = {}): PublishedPort => ({
  protocol: 'tcp',
  hostAddress: '127.0.0.1',
  hostPort,
  containerPort,
  ...changes,
});

test('portRanges() joins ports that follow each other on both sides', () => {
  assert.deepEqual(portRanges([port(8002, 82), port(8000, 80), port(8001, 81)]), ['127.0.0.1:8000-8002->80-82/tcp']);
  assert.deepEqual(portRanges([port(8000, 80), port(8002, 81)]), ['127.0.0.1:8000->80/tcp', '127.0.0.1:8002->81/tcp']);
  const others = [port(8000, 80), port(8001, 81, { protocol: 'udp' }), port(8001, 81, { hostAddress: '::1' })];
  assert.deepEqual(portRanges(others), ['127.0.0.1:8000->80/tcp', '[::1]:8001->81/tcp', '127.0.0.1:8001->81/udp']);
  assert.deepEqual(portRanges([]), []);
});
