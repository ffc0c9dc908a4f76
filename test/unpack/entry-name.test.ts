/** Names in archives. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanName, pathOf, whiteoutOf } from '../../src/unpack/entry-name.ts';

const LIMITS = { pathBytes: 100, pathDepth: 5 };

test('cleanName() makes names plain', () => {
  for (const [name, clean] of [
    ['./a/b', 'a/b'],
    ['/etc//x/', 'etc/x'],
    ['./', ''],
    ['/', ''],
    ['a/./b', 'a/b'],
    ['..a/b..', '..a/b..'],
    ['a\nb', 'a\nb'],
  ] as const) {
    assert.equal(cleanName(name, LIMITS), clean);
  }
});

test('cleanName() refuses names that climb out, hold NUL, or are too long or deep', () => {
  for (const name of ['..', '../a', 'a/../b', '/..', 'a/..', 'a\0b', 'n'.repeat(101), 'a/b/c/d/e/f']) {
    assert.throws(() => cleanName(name, LIMITS), { code: 'ARCHIVE_INVALID' }, name);
  }
});

test('pathOf() keeps bytes that are no ASCII as they are', () => {
  assert.equal(pathOf('a b'), '/a b');
  assert.deepEqual(pathOf('\xff\xe4'), Buffer.from([0x2f, 0xff, 0xe4]));
});

test('whiteoutOf() reads whiteouts', () => {
  assert.equal(whiteoutOf('a/b'), undefined);
  assert.equal(whiteoutOf('a/x.wh.b'), undefined);
  assert.deepEqual(whiteoutOf('a/.wh.b'), { kind: 'name', hidden: 'a/b' });
  assert.deepEqual(whiteoutOf('.wh.b'), { kind: 'name', hidden: 'b' });
  assert.deepEqual(whiteoutOf('a/.wh..wh..opq'), { kind: 'opaque', directory: 'a' });
  assert.deepEqual(whiteoutOf('.wh..wh.plnk/1.2'), { kind: 'aufs' });
});
