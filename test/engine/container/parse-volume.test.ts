/** Reading -v and --tmpfs; the host's files that -v looks at are in a directory of the test. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { parseTmpfs, parseVolume, volumeWarning } from '../../../src/engine/container/parse-volume.ts';
import { refusal, storeAt } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-volume-'));
after(() => rmSync(scratch, { recursive: true }));
const source = path.join(scratch, 'data');
const file = path.join(source, 'file');
const store = storeAt(path.join(scratch, 'store'));
mkdirSync(source);
mkdirSync(store.containers, { recursive: true });
mkdirSync(store.run);
writeFileSync(file, '');
symlinkSync(store.root, path.join(scratch, 'innocent'));

test('parseVolume() binds a directory recursively, without set-uid files and devices', () => {
  assert.deepEqual(parseVolume(`${source}:/mnt`, store), {
    destination: '/mnt',
    type: 'bind',
    source,
    options: ['rbind', 'rw', 'nosuid', 'nodev'],
  });
});

test('parseVolume() takes options, and makes a file for a file', () => {
  const options = (text: string): readonly string[] => parseVolume(text, store).options;
  assert.deepEqual(options(`${source}:/mnt:ro`), ['rbind', 'ro', 'nosuid', 'nodev']);
  assert.deepEqual(options(`${source}:/mnt:rw,bind,suid,dev,noexec`), ['bind', 'rw', 'noexec']);
  assert.deepEqual(options(`${source}:/mnt:Z`), ['rbind', 'rw', 'nosuid', 'nodev']);
  assert.deepEqual(options(`${file}:/mnt:ro`), ['rbind', 'ro', 'nosuid', 'nodev', 'create=file']);
});

test('parseVolume() resolves relative sources and plain targets', () => {
  const relative = path.relative(process.cwd(), source);
  assert.equal(parseVolume(`${relative.startsWith('.') ? relative : `./${relative}`}:/a/../b/`, store).source, source);
  assert.equal(parseVolume(`${source}:/a/../b/`, store).destination, '/b');
});

test('parseVolume() knows the home directory, which no shell puts into --volume=~/x:/x', () => {
  const home = process.env['HOME'];
  process.env['HOME'] = scratch;
  try {
    assert.equal(parseVolume('~/data:/mnt', store).source, source);
    assert.throws(() => parseVolume('~/none:/mnt', store), refusal('VOLUME_INVALID', /hutch-volume-.*none does not/u));
  } finally {
    if (home === undefined) delete process.env['HOME'];
    else process.env['HOME'] = home;
  }
});

test('parseVolume() refuses wrong forms as usage, and sources that cannot be used as volumes', () => {
  for (const text of [
    '',
    source,
    `${source}:`,
    `:/mnt`,
    `${source}:/mnt:ro:x`,
    `${source}:mnt`,
    `${source}:/`,
    `${source}:/mnt:rx`,
    `${source}:/mnt:ro,rw`,
  ]) {
    assert.throws(() => parseVolume(text, store), refusal('USAGE_INVALID', /for -v$/u), text);
  }
  assert.throws(() => parseVolume('name:/mnt', store), refusal('VOLUME_INVALID', /"name" is not a path/u));
  assert.throws(() => parseVolume(`${source}/none:/mnt`, store), refusal('VOLUME_INVALID', /none does not exist/u));
});

test('parseVolume() never shows hutch’s own store, by any name', () => {
  for (const own of [store.root, store.containers, store.run, path.join(scratch, 'innocent')]) {
    assert.throws(() => parseVolume(`${own}:/mnt:ro`, store), refusal('VOLUME_INVALID', /hutch's own files/u), own);
  }
  mkdirSync(`${store.root}-similar`);
  assert.equal(parseVolume(`${store.root}-similar:/mnt`, store).source, `${store.root}-similar`);
});

test(
  'volumeWarning() warns only of what others can reach and the container can write',
  { skip: process.getuid?.() === 0 ? 'root is nobody else' : false },
  () => {
    const shared = parseVolume('/tmp:/mnt', store);
    assert.match(volumeWarning(shared) ?? '', /^other users of this host can reach \/tmp: .*set-uid/u);
    assert.equal(volumeWarning(parseVolume('/tmp:/mnt:ro', store)), null);
    chmodSync(scratch, 0o700);
    assert.equal(volumeWarning(parseVolume(`${source}:/mnt`, store)), null);
  },
);

test('parseTmpfs() is closed by default and opens what is asked for', () => {
  assert.deepEqual(parseTmpfs('/t'), {
    destination: '/t',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['noexec', 'nosuid', 'nodev', 'mode=1777'],
  });
  assert.deepEqual(parseTmpfs('/t/../u:size=8m,mode=750,exec,uid=7').options, [
    'nosuid',
    'nodev',
    'size=8388608',
    'mode=750',
    'exec',
    'uid=7',
  ]);
  assert.deepEqual(parseTmpfs('/t:size=50%').options.at(-1), 'size=50%');
});

test('parseTmpfs() refuses relative paths, the root and options it does not know', () => {
  for (const text of [
    '',
    't',
    '/',
    '/t:big',
    '/t:size=x',
    '/t:mode=9',
    '/t:uid=root',
    '/t:lowerdir=/',
    '/t:size=1m,context="x"',
  ]) {
    assert.throws(() => parseTmpfs(text), refusal('USAGE_INVALID', /for --tmpfs$/u), text);
    assert.throws(() => parseTmpfs(text), { context: { flag: '--tmpfs', value: text } }, 'the whole value is named');
  }
});
