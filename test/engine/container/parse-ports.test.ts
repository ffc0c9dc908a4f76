/** parsePorts(): what the words of -p, -P and --expose stand for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePorts, type WantedPort } from '../../../src/engine/container/parse-ports.ts';
import type { RunRequest } from '../../../src/engine/container/run-request.ts';
import { refusal, requestOf } from './requests.ts';

const ADDRESS = '127.0.0.1';
const parse = (changes: Partial<RunRequest>, exposed: readonly string[] = []): WantedPort[] =>
  parsePorts(requestOf(changes), { exposed, address: ADDRESS });
const short = (ports: readonly WantedPort[]): string[] =>
  ports.map(
    ({ protocol, hostAddress, hostPorts, containerPort }) =>
      `${hostAddress} ${hostPorts.length > 3 ? `${String(hostPorts[0])}…${String(hostPorts.at(-1))}` : hostPorts.join('|')} ${String(containerPort)}/${protocol}`,
  );

for (const [word, expected] of [
  ['80', ['127.0.0.1  80/tcp']],
  ['8080:80', ['127.0.0.1 8080 80/tcp']],
  [':80', ['127.0.0.1  80/tcp']],
  ['5300:53/udp', ['127.0.0.1 5300 53/udp']],
  ['0.0.0.0:8080:80', ['0.0.0.0 8080 80/tcp']],
  ['10.1.2.3::80', ['10.1.2.3  80/tcp']],
  ['[::1]:8080:80', ['::1 8080 80/tcp']],
  ['::80', ['127.0.0.1  80/tcp']],
  ['8000-8002:80-82', ['127.0.0.1 8000 80/tcp', '127.0.0.1 8001 81/tcp', '127.0.0.1 8002 82/tcp']],
  ['8000-8010:80', ['127.0.0.1 8000…8010 80/tcp']],
  ['90-91', ['127.0.0.1  90/tcp', '127.0.0.1  91/tcp']],
] as const)
  test(`parsePorts() reads -p ${word}`, () => {
    assert.deepEqual(short(parse({ publish: [word] })), expected);
  });

for (const word of [
  '',
  'x',
  '0',
  '65536',
  '80:0',
  '80-70',
  '8000-8002:80-81',
  '8000-8002:80-90/udp',
  '80/sctp',
  'localhost:80:80',
  '1.2.3:80:80',
  '[1.2.3.4]:80:80',
  '::1:80:80',
  '80:80:80:80',
  '-5:80',
])
  test(`parsePorts() refuses -p "${word}"`, () => {
    assert.throws(() => parse({ publish: [word] }), refusal('USAGE_INVALID', /^invalid value "[^"]*" for -p/u));
  });

test('parsePorts() refuses one port of the host for two', () => {
  const twice = { publish: ['8080:80', '127.0.0.1:8080:81'] };
  assert.throws(() => parse(twice), refusal('USAGE_INVALID', /"127\.0\.0\.1:8080\/tcp"/u));
  assert.equal(parse({ publish: ['8080:80', '8080:80/udp', '0.0.0.0:8080:81'] }).length, 3);
});

test('parsePorts() takes what the image and --expose name, with -P alone, and once', () => {
  const expose = ['53/udp', '90-91'];
  assert.deepEqual(parse({ expose }, ['80/tcp']), []);
  const all = parse({ expose, publishAll: true, publish: ['8080:80'] }, ['80/tcp', '443', '53/udp']);
  assert.deepEqual(short(all), [
    '127.0.0.1 8080 80/tcp',
    '127.0.0.1  443/tcp',
    '127.0.0.1  53/udp',
    '127.0.0.1  90/tcp',
    '127.0.0.1  91/tcp',
  ]);
  assert.throws(() => parse({ expose: ['http'], publishAll: true }), refusal('USAGE_INVALID', /--expose/u));
});
