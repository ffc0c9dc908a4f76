/** parseChallenges() reads what registries and strangers put into WWW-Authenticate. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChallenges } from '../../../src/images/registry/challenge.ts';

test('parseChallenges() reads quoted and bare parameters, and scopes with commas', () => {
  assert.deepEqual(
    parseChallenges('Bearer realm="https://a.example/t",service=a.example,scope="repository:x:pull,push"'),
    [
      {
        scheme: 'bearer',
        parameters: { realm: 'https://a.example/t', service: 'a.example', scope: 'repository:x:pull,push' },
      },
    ],
  );
});

test('parseChallenges() reads several challenges of one header', () => {
  const found = parseChallenges('Basic realm="a, \\"b\\"", BEARER Realm="c"');
  assert.deepEqual(found, [
    { scheme: 'basic', parameters: { realm: 'a, "b"' } },
    { scheme: 'bearer', parameters: { realm: 'c' } },
  ]);
});

test('parseChallenges() ends at what it cannot read, however long that is', () => {
  assert.deepEqual(parseChallenges(''), []);
  assert.deepEqual(parseChallenges('=,=,='), []);
  const startedAtMs = Date.now();
  parseChallenges(`Bearer ${'a="\\'.repeat(100_000)}`);
  parseChallenges(' ,'.repeat(100_000));
  assert.ok(Date.now() - startedAtMs < 1000);
});
