/** Owners kept in an attribute: the form that others read, and what is none. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatKeptOwner, parseKeptOwner } from '../../src/archive/kept-owner.ts';

test('formatKeptOwner() writes what containers/storage does', () => {
  assert.equal(formatKeptOwner({ uid: 33, gid: 44, mode: 0o4755 }).toString(), '33:44:04755');
  assert.equal(formatKeptOwner({ uid: 70_000, gid: 0, mode: 0 }).toString(), '70000:0:00');
});

test('parseKeptOwner() reads what hutch, containers/storage and fuse-overlayfs write', () => {
  for (const text of ['33:44:04755', '33:44:644', '33:44:0100644', '33:44:0755:dir', '33:44:0600:char-1-3'])
    assert.deepEqual(parseKeptOwner(Buffer.from(text)), { uid: 33, gid: 44 }, text);
});

test('parseKeptOwner() takes nothing else for an owner', () => {
  for (const text of [
    '',
    '33',
    '33:44',
    '-1:44:644',
    '33:44:9',
    '33:44:644\n',
    '33:x:644',
    '4294967295:0:644',
    '1:2:3:4:5',
  ])
    assert.equal(parseKeptOwner(Buffer.from(text)), undefined, text);
});
