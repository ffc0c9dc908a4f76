/** Reading below a directory whose owner puts links in the way. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { confineBelow, reach } from '../../src/pack/confined-path.ts';
import { namesIn, statOf } from '../../src/pack/merged-directory.ts';
import { openSyscalls } from '../../src/syscall/syscalls.ts';

describe('a path below a tree of somebody else', () => {
  const box = mkdtempSync(path.join(tmpdir(), 'hutch-pack-'));
  after(() => {
    process.chdir('/');
    rmSync(box, { recursive: true });
  });
  const top = path.join(box, 'top');
  mkdirSync(path.join(top, 'a/b'), { recursive: true });
  mkdirSync(path.join(box, 'other/b'), { recursive: true });
  for (const place of ['other', 'other/b', 'top', 'top/a', 'top/a/b'])
    writeFileSync(path.join(box, place, 'file'), place);
  symlinkSync('../other', path.join(top, 'relative'));
  symlinkSync(path.join(box, 'other'), path.join(top, 'absolute'));
  symlinkSync('a', path.join(top, 'inner'));
  confineBelow(top, openSyscalls());
  const read = (name: string): string => readFileSync(reach(path.join(top, name)), 'utf8');

  it('leads to what is there, whatever was read before', () => {
    assert.deepEqual(['a/b/file', 'file', 'a/file', 'a/b/file'].map(read), ['top/a/b', 'top', 'top/a', 'top/a/b']);
    assert.deepEqual(namesIn(path.join(top, 'a')), ['b', 'file']);
    assert.equal(statOf(path.join(top, 'relative'))?.isSymbolicLink(), true);
  });

  for (const link of ['relative', 'absolute', 'inner'])
    it(`goes through no link (${link}), where a plain path does`, () => {
      const below = path.join(top, link, 'b/file');
      assert.equal(statOf(below), undefined);
      assert.deepEqual(namesIn(path.join(top, link)), []);
      assert.throws(() => reach(below), /ELOOP/u);
      assert.ok(statSync(below).isFile());
    });

  it('leads out by no dots', () => {
    assert.throws(() => reach(`${top}/../other/file`), /EXDEV/u);
  });
});
