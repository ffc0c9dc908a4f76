/** ensureSkeleton(): the lowest layer of all containers of a store. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { ensureSkeleton, skeletonDirectory } from '../../src/state/skeleton.ts';

const UID = process.getuid?.() ?? 0;

let store = { root: '', staging: '' };
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'hutch-skeleton-'));
  store = { root, staging: join(root, 'staging') };
  mkdirSync(store.staging);
});
afterEach(() => {
  chmodSync(store.root, 0o700);
  rmSync(store.root, { recursive: true });
});

const modesBelow = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      .toSorted()
      .map((name) => [name, (statSync(join(directory, name)).mode & 0o7777).toString(8)]),
  );

test('ensureSkeleton() makes places that everybody may read, whatever the umask, and leaves nothing else', () => {
  const before = process.umask(0o077);
  try {
    ensureSkeleton(store, UID);
  } finally {
    process.umask(before);
  }
  assert.deepEqual(modesBelow(skeletonDirectory(store)), {
    ...{ dev: '755', etc: '755', proc: '755', sys: '755' },
    ...{ 'etc/hostname': '644', 'etc/hosts': '644', 'etc/resolv.conf': '644' },
  });
  assert.equal(statSync(skeletonDirectory(store)).mode & 0o7777, 0o755);
  assert.deepEqual(readdirSync(store.staging), []);
});

test('ensureSkeleton() leaves one alone that is there', () => {
  mkdirSync(skeletonDirectory(store));
  writeFileSync(join(skeletonDirectory(store), 'mine'), '');
  ensureSkeleton(store, UID);
  assert.deepEqual(readdirSync(skeletonDirectory(store)), ['mine']);
});

test(
  'ensureSkeleton() does without where it cannot make one',
  { skip: UID === 0 ? 'root may write everywhere' : false },
  () => {
    chmodSync(store.root, 0o500);
    ensureSkeleton(store, UID);
    assert.equal(existsSync(skeletonDirectory(store)), false);
    assert.deepEqual(readdirSync(store.staging), []);
  },
);
