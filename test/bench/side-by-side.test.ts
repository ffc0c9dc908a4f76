/** The arithmetic of the benches: what is called met, missed or not told apart. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, ratioOf, verdict } from './side-by-side.ts';

describe('a ratio of two contestants', () => {
  const steady = Array.from({ length: 21 }, (_, round) => 100 + (round % 7));

  it('is that of their medians, with an interval round it', () => {
    const { ratio, low, high } = ratioOf(
      steady.map((ms) => ms / 2),
      steady,
    );
    assert.deepEqual([ratio, low, high], [0.5, 0.5, 0.5], 'each round has the same');
    const scattered = ratioOf(steady.toReversed(), steady);
    assert.ok(scattered.low < 1 && scattered.ratio === 1 && scattered.high > 1, JSON.stringify(scattered));
    assert.ok(scattered.low > 0.9 && scattered.high < 1.1, JSON.stringify(scattered));
  });

  it('meets a goal or misses it only when the rounds tell so', () => {
    assert.equal(verdict({ ratio: 0.9, low: 0.8, high: 1 }, 1), 'met');
    assert.equal(verdict({ ratio: 1.1, low: 1.01, high: 1.2 }, 1), 'missed');
    assert.equal(verdict({ ratio: 0.99, low: 0.9, high: 1.05 }, 1), 'not told apart');
  });

  it('median: the upper of the two in the middle', () => {
    assert.equal(median([4, 1, 3, 2]), 3);
  });
});
