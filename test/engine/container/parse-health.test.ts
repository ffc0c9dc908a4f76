/** The health check that flags and image ask for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHealth } from '../../../src/engine/container/parse-health.ts';
import { parseImageHealthCheck } from '../../../src/oci/health-check.ts';
import { refusal } from './requests.ts';

const IMAGE = { Test: ['CMD', 'probe', '-q'], Interval: 5_000_000_000, Retries: 7 };

test('parseHealth: nothing to check without a command', () => {
  assert.equal(parseHealth({}, undefined), null);
  assert.equal(parseHealth({ healthInterval: '5s' }, undefined), null);
  assert.equal(parseHealth({}, { Test: ['NONE'] }), null);
  assert.equal(parseHealth({ noHealthCheck: true }, IMAGE), null);
  assert.equal(parseHealth({ healthCommand: 'none' }, IMAGE), null);
});

test("parseHealth: the image's check, and flags that change it", () => {
  const ofImage = {
    command: ['probe', '-q'],
    intervalMs: 5000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5000,
    retries: 7,
  };
  assert.deepEqual(parseHealth({}, IMAGE), ofImage);
  assert.deepEqual(parseHealth({ healthTimeout: '500ms', healthRetries: '1', healthStartPeriod: '1m30s' }, IMAGE), {
    ...ofImage,
    timeoutMs: 500,
    retries: 1,
    startPeriodMs: 90_000,
  });
  assert.deepEqual(parseHealth({ healthInterval: '0' }, IMAGE)?.intervalMs, 30_000, '0 is the default, as with docker');
});

test('parseHealth: a line for the shell, or a list of words', () => {
  const commandOf = (healthCommand: string) => parseHealth({ healthCommand }, IMAGE)?.command;
  assert.deepEqual(commandOf('wget -q localhost || exit 1'), ['/bin/sh', '-c', 'wget -q localhost || exit 1']);
  assert.deepEqual(commandOf('["a","b c"]'), ['a', 'b c']);
  assert.deepEqual(commandOf('["CMD-SHELL","a b"]'), ['/bin/sh', '-c', 'a b']);
  assert.deepEqual(commandOf('["CMD","a"]'), ['a']);
});

test('parseHealth refuses what cannot be meant', () => {
  for (const healthCommand of ['', '["a",1]', '[', '[]'])
    assert.throws(() => parseHealth({ healthCommand }, undefined), refusal('USAGE_INVALID', /--health-cmd/u));
  assert.throws(() => parseHealth({ healthInterval: 'soon' }, IMAGE), refusal('USAGE_INVALID', /--health-interval/u));
  assert.throws(() => parseHealth({ healthTimeout: '-5s' }, IMAGE), refusal('USAGE_INVALID', /--health-timeout/u));
  assert.throws(() => parseHealth({ healthRetries: '-1' }, IMAGE), refusal('USAGE_INVALID', /--health-retries/u));
  assert.throws(
    () => parseHealth({ healthCommand: 'true', noHealthCheck: true }, IMAGE),
    refusal('USAGE_INVALID', /--health-cmd/u),
  );
});

test('parseImageHealthCheck takes what is one, and leaves the rest out', () => {
  assert.deepEqual(parseImageHealthCheck({ Test: ['NONE'], Interval: 'x', Retries: 0, Timeout: 1, More: 1 }), {
    Test: ['NONE'],
    Timeout: 1,
  });
  for (const value of [undefined, null, 'x', {}, { Test: [] }, { Test: [1] }])
    assert.equal(parseImageHealthCheck(value), undefined);
});
