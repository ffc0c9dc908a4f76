/** Unit tests of sizes and durations in words. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { humanDuration, humanSince, humanSize } from '../../../src/cli/format/human.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('humanSize()', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1_234_567, '1.23MB'],
    [12_345_678, '12.3MB'],
    [999_400, '999kB'],
    [999_600, '1MB'],
    [1_234_000_000, '1.23GB'],
    [5e18, '5EB'],
    [5e21, '5000EB'],
  ];
  for (const [bytes, text] of cases) {
    it(`says ${text} when there are ${String(bytes)} bytes`, () => {
      assert.equal(humanSize(bytes), text);
    });
  }
});

describe('humanDuration()', () => {
  const cases: readonly (readonly [number, string])[] = [
    [-5 * SECOND, 'Less than a second'],
    [999, 'Less than a second'],
    [SECOND, '1 second'],
    [59 * SECOND, '59 seconds'],
    [MINUTE, 'About a minute'],
    [2 * MINUTE, '2 minutes'],
    [59 * MINUTE, '59 minutes'],
    [HOUR, 'About an hour'],
    [100 * MINUTE, '2 hours'],
    [47 * HOUR, '47 hours'],
    [3 * DAY, '3 days'],
    [15 * DAY, '2 weeks'],
    [70 * DAY, '2 months'],
    [800 * DAY, '2 years'],
  ];
  for (const [milliseconds, text] of cases) {
    it(`says "${text}" when ${String(milliseconds)} ms have passed`, () => {
      assert.equal(humanDuration(milliseconds), text);
    });
  }
});

describe('humanSince()', () => {
  it('takes milliseconds and RFC 3339', () => {
    assert.equal(humanSince(0, 3 * MINUTE), '3 minutes ago');
    assert.equal(humanSince('1970-01-01T00:00:00Z', 2 * HOUR), '2 hours ago');
  });

  it('throws RECORD_CORRUPT when the text is not a time', () => {
    assert.throws(() => humanSince('yesterday'), /"yesterday" is not a time/u);
  });
});
