/** Reading the values of flags. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  badValue,
  parseContainerPath,
  parsePair,
  parseSeconds,
  parseSharing,
  parseSize,
} from '../../../src/engine/container/parse-values.ts';
import { refusal } from './requests.ts';

test('parseSize() reads numbers with binary units in either case', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['1', 1],
    ['10b', 10],
    ['1k', 1024],
    ['64m', 67_108_864],
    ['64M', 67_108_864],
    ['64MB', 67_108_864],
    ['64MiB', 67_108_864],
    ['1.5g', 1_610_612_736],
    ['2t', 2_199_023_255_552],
  ];
  for (const [text, bytes] of cases) assert.equal(parseSize('--shm-size', text), bytes, text);
});

test('parseSize() refuses what is no size, names the flag and the value', () => {
  for (const text of ['', '0', '-1', 'm', '1x', '1 m', '0x10', '1e3', '99999999999999t', '1.2.3m']) {
    assert.throws(() => parseSize('--shm-size', text), refusal('USAGE_INVALID', /for --shm-size$/u), text);
  }
});

test('parseSeconds() reads plain seconds and durations of either sign', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0', 0],
    ['90', 90],
    ['+90', 90],
    ['-90', -90],
    ['90s', 90],
    ['1h30m', 5400],
    ['-2d', -172_800],
    ['1d1h1m1s', 90_061],
  ];
  for (const [text, seconds] of cases) assert.equal(parseSeconds('--clock-offset', text), seconds, text);
  for (const text of ['', 'soon', '1.5h', '1h-30m', '1w', '--1', '1 h']) {
    assert.throws(() => parseSeconds('--clock-offset', text), refusal('USAGE_INVALID', /for --clock-offset$/u), text);
  }
});

test('parseSharing() knows host and private, and takes nothing for private', () => {
  assert.equal(parseSharing('--pid', undefined), 'private');
  assert.equal(parseSharing('--pid', 'private'), 'private');
  assert.equal(parseSharing('--pid', 'host'), 'host');
  assert.throws(() => parseSharing('--pid', 'Host'), refusal('USAGE_INVALID', /^invalid value "Host" for --pid$/u));
});

test('parsePair() splits at the first equals sign', () => {
  assert.deepEqual(parsePair('-l', 'a=b=c'), ['a', 'b=c']);
  assert.deepEqual(parsePair('-l', 'a='), ['a', '']);
  assert.throws(() => parsePair('-l', 'a'), refusal('USAGE_INVALID', /"a" for -l/u));
  assert.throws(() => parsePair('-l', '=b'), refusal('USAGE_INVALID', /"=b" for -l/u));
});

test('parseContainerPath() makes absolute paths plain and never climbs above the root', () => {
  assert.equal(parseContainerPath('-w', '/'), '/');
  assert.equal(parseContainerPath('-w', '//a/./b/'), '/a/b');
  assert.equal(parseContainerPath('-w', '/a/../../../b'), '/b');
  for (const text of ['', 'a', './a', '~/a', '/a\0b']) {
    assert.throws(() => parseContainerPath('-w', text), refusal('USAGE_INVALID', /for -w$/u), JSON.stringify(text));
  }
});

test('badValue() keeps a value with line feeds on one line', () => {
  assert.equal(badValue('--dns', 'a\nb', 'an address').message, 'invalid value "a\\nb" for --dns');
});
