/** Unit tests of what stands before the lines of a log with --details. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detailText, parseDetails } from '../../../src/engine/container/log-details.ts';

const NAMED = {
  labels: { role: 'web', tier: 'a b', 'x,y': '1' },
  env: ['CITY=Zürich', 'EMPTY=', 'CODE=a=b~*', 'CODENAME=z'],
};

test('detailText() shows what the options name, by name, escaped as in a query', () => {
  assert.equal(detailText({ labels: 'role,tier,none' }, NAMED), 'role=web,tier=a+b ');
  assert.equal(detailText({ env: 'CITY,EMPTY', labels: 'role' }, NAMED), 'CITY=Z%C3%BCrich,EMPTY=,role=web ');
  assert.equal(detailText({ 'env-regex': '^CODE', 'labels-regex': ',' }, NAMED), 'CODE=a%3Db~%2A,CODENAME=z,x%2Cy=1 ');
});

test('detailText() is a space where nothing is named, as with docker', () => {
  assert.equal(detailText({}, NAMED), ' ');
  assert.equal(detailText({ env: 'NONE' }, NAMED), ' ');
});

test('parseDetails() keeps what is not empty, of its own options', () => {
  assert.deepEqual(
    parseDetails(
      new Map([
        ['env', 'A'],
        ['labels', ''],
        ['max-file', '3'],
      ]),
    ),
    { env: 'A' },
  );
});
