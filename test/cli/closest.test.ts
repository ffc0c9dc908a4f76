/** Unit tests of the did-you-mean search. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closest, editsBetween } from '../../src/cli/closest.ts';

describe('editsBetween()', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['run', 'run', 0],
    ['rnu', 'run', 1],
    ['imags', 'images', 1],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
  ];
  for (const [from, to, edits] of cases) {
    it(`counts ${String(edits)} when "${from}" becomes "${to}"`, () => {
      assert.equal(editsBetween(from, to), edits);
      assert.equal(editsBetween(to, from), edits);
    });
  }
});

describe('closest()', () => {
  it('gives the nearest candidate', () => {
    assert.equal(closest('imgaes', ['image', 'images', 'rmi']), 'images');
    assert.equal(closest('--interctive', ['--init', '--interactive']), '--interactive');
  });

  it('gives undefined when nothing is near', () => {
    assert.equal(closest('frobnicate', ['run', 'images']), undefined);
    assert.equal(closest('xy', ['ab']), undefined);
  });
});
