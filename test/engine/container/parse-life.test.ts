/** Flags about the life of a container. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLog, parseRestart } from '../../../src/engine/container/parse-life.ts';
import { parseSignal } from '../../../src/engine/container/parse-signal.ts';
import { refusal } from './requests.ts';

test('parseSignal() knows names with and without SIG, numbers and realtime signals', () => {
  const known: readonly (readonly [string, number])[] = [
    ['TERM', 15],
    ['sigint', 2],
    ['9', 9],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
  ];
  for (const [word, number] of known) assert.equal(parseSignal('-s', word), number, word);
  for (const word of ['', 'SIG', '0', '65', 'TERMINATE', 'RTMIN-1', 'RTMAX+1', '1.5'])
    assert.throws(() => parseSignal('-s', word), refusal('USAGE_INVALID', /for -s$/u), word);
});

test('parseRestart() takes what docker takes', () => {
  const restart = (word: string | undefined, remove = false) => parseRestart({ restart: word, remove });
  assert.deepEqual(restart(undefined, true), { name: 'no', limit: null });
  assert.deepEqual(restart('on-failure:3'), { name: 'on-failure', limit: 3 });
  assert.deepEqual(restart('on-failure'), { name: 'on-failure', limit: null });
  assert.deepEqual(restart('unless-stopped'), { name: 'unless-stopped', limit: null });
  for (const word of ['', 'yes', 'always:3', 'on-failure:x', 'on-failure:-1']) {
    assert.throws(() => restart(word), refusal('USAGE_INVALID', /--restart/u), word);
  }
  assert.throws(() => restart('always', true), refusal('USAGE_INVALID', /contradict/u));
});

test('parseLog() takes drivers that mean a file, none, and the options of docker’s that say something here', () => {
  const log = (logDriver: string | undefined, ...logOptions: string[]) => parseLog({ logDriver, logOptions });
  assert.deepEqual(log(undefined), { driver: 'file', maxSizeBytes: null, maxFiles: 1 });
  assert.deepEqual(log('json-file', 'max-size=10k', 'max-file=3'), {
    driver: 'file',
    maxSizeBytes: 10_240,
    maxFiles: 3,
  });
  assert.equal(log('none').driver, 'none');
  assert.deepEqual(log('file', 'labels=a,b', 'env-regex=^X').details, { labels: 'a,b', 'env-regex': '^X' });
  assert.equal(log('file', 'labels=').details, undefined);
  for (const [driver, option] of [
    ['syslog'],
    ['file', 'tag=x'],
    ['file', 'max-file=0'],
    ['file', 'max-size=big'],
    ['file', 'labels-regex=('],
  ] as const)
    assert.throws(() => log(driver, ...(option === undefined ? [] : [option])), refusal('USAGE_INVALID', /--log-/u));
});
