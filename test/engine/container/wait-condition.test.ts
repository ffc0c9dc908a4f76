/** What `wait` waits for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConditions } from '../../../src/engine/container/wait-condition.ts';
import { refusal } from './requests.ts';

test('parseConditions() leaves the end of a container to its monitor', () => {
  for (const condition of [undefined, ['stopped'], ['exited'], ['stopped,exited']])
    assert.equal(parseConditions({ condition }), null);
});

test('parseConditions() reads states in podman’s words, and intervals', () => {
  assert.deepEqual(parseConditions({ condition: ['running', 'configured,stopped'] }), {
    words: ['running', 'created', 'exited'],
    intervalMs: 250,
  });
  const interval = (text: string) => parseConditions({ condition: ['running'], interval: text })?.intervalMs;
  assert.deepEqual(['100', '20ms', '2s', '1m'].map(interval), [100, 20, 2000, 60_000]);
});

test('parseConditions() refuses other states and what is no time', () => {
  for (const word of ['', 'removing', 'running,x'])
    assert.throws(() => parseConditions({ condition: [word] }), refusal('USAGE_INVALID', /--condition/u), word);
  for (const interval of ['', '0', '-1', 'soon', '1d'])
    assert.throws(() => parseConditions({ interval }), refusal('USAGE_INVALID', /--interval/u), interval);
});
