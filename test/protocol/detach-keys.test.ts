/** The keys that part a user from a container. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetachScanner, parseDetachKeys } from '../../src/protocol/detach-keys.ts';

test('parseDetachKeys() knows characters and control keys, an empty list, and nothing else', () => {
  assert.deepEqual(parseDetachKeys('ctrl-p,ctrl-q'), Buffer.from([16, 17]));
  assert.deepEqual(parseDetachKeys('a,ctrl-[,ctrl-@'), Buffer.from([97, 27, 0]));
  assert.deepEqual(parseDetachKeys(''), Buffer.alloc(0));
  for (const text of ['ab', 'ctrl-', 'ctrl-1', ',', 'a,', 'ä', ' '])
    assert.equal(parseDetachKeys(text), undefined, text);
});

test('DetachScanner passes everything on but the keys, however they are cut', () => {
  const keys = Buffer.from('pq');
  const typed = (...parts: string[]): [string, boolean] => {
    const scanner = new DetachScanner(keys);
    let passed = '';
    for (const part of parts) {
      const { pass, isDetached } = scanner.scan(Buffer.from(part));
      passed += pass.toString();
      if (isDetached) return [passed, true];
    }
    return [passed, false];
  };
  assert.deepEqual(typed('abcpq'), ['abc', true]);
  assert.deepEqual(typed('ab', 'p', 'q', 'lost'), ['ab', true]);
  assert.deepEqual(typed('p', 'x', 'ppq'), ['pxp', true]);
  assert.deepEqual(typed('px', 'qp'), ['pxq', false], 'the last one is held back until the next key');
});

test('DetachScanner without keys passes all on', () => {
  const bytes = Buffer.from([0, 16, 17, 255]);
  assert.deepEqual(new DetachScanner(Buffer.alloc(0)).scan(bytes), { pass: bytes, isDetached: false });
});
