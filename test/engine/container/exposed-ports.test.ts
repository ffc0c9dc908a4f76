/** Unit tests of the ports that a container says it serves. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  describeExposed,
  exposedPorts,
  overlaps,
  parsePortRange,
  type PortRange,
} from '../../../src/engine/container/exposed-ports.ts';

const range = (word: string): PortRange => {
  const parsed = parsePortRange(word);
  assert.ok(parsed !== undefined, word);
  return parsed;
};

test('parsePortRange() takes a port or a range of a protocol, TCP unless it says otherwise', () => {
  assert.deepEqual(range('80'), { protocol: 'tcp', first: 80, last: 80 });
  assert.deepEqual(range('8000-8009/udp'), { protocol: 'udp', first: 8000, last: 8009 });
  for (const word of ['', 'x', '9-8', '70000', '80/x', '80-', '80/tcp/tcp'])
    assert.equal(parsePortRange(word), undefined);
});

test('overlaps() is true for one port in common, of the same protocol', () => {
  assert.ok(overlaps(range('80-90'), range('90-99')));
  assert.ok(overlaps(range('80'), range('1-65535/tcp')));
  assert.ok(!overlaps(range('80-90'), range('91')));
  assert.ok(!overlaps(range('80'), range('80/udp')));
});

test('exposedPorts() and describeExposed() add what is published, and leave out what is no port', () => {
  const record = {
    exposed: ['53/udp', '8000-8001', '80', 'x'],
    ports: [{ protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 8080, containerPort: 80 }] as const,
  };
  assert.equal(exposedPorts(record).length, 4);
  assert.deepEqual(describeExposed(record), { '53/udp': {}, '8000/tcp': {}, '8001/tcp': {}, '80/tcp': {} });
  assert.deepEqual(describeExposed({}), {});
});
