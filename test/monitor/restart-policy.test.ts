/** When a container starts again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, shallRestart } from '../../src/monitor/restart-policy.ts';

test('shallRestart() goes by the policy, the code, the count, and whether somebody has stopped it', () => {
  const ending = { code: 1, isStopped: false, restartCount: 0 };
  assert.equal(shallRestart({ name: 'no', limit: null }, ending), false);
  assert.equal(shallRestart({ name: 'always', limit: null }, { ...ending, code: 0 }), true);
  assert.equal(shallRestart({ name: 'always', limit: null }, { ...ending, isStopped: true }), false);
  assert.equal(shallRestart({ name: 'unless-stopped', limit: null }, ending), true);
  assert.equal(shallRestart({ name: 'on-failure', limit: null }, { ...ending, code: 0 }), false);
  assert.equal(shallRestart({ name: 'on-failure', limit: 2 }, { ...ending, restartCount: 1 }), true);
  assert.equal(shallRestart({ name: 'on-failure', limit: 2 }, { ...ending, restartCount: 2 }), false);
});

test('Backoff waits twice as long after each short life, a minute at most, and briefly after a long one', () => {
  const backoff = new Backoff();
  assert.deepEqual([backoff.next(1), backoff.next(1), backoff.next(1)], [100, 200, 400]);
  for (let round = 0; round < 20; round += 1) backoff.next(1);
  assert.equal(backoff.next(1), 60_000);
  assert.equal(backoff.next(10_000), 100);
});
