/** Reading --mount: the same mounts and errors as -v and --tmpfs. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { parseMount } from '../../../src/engine/container/parse-mount.ts';
import { parseTmpfs, parseVolume } from '../../../src/engine/container/parse-volume.ts';
import { splitFields } from '../../../src/engine/container/split-fields.ts';
import { refusal, storeAt } from './requests.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-mount-'));
after(() => rmSync(scratch, { recursive: true }));
const source = path.join(scratch, 'data');
const comma = path.join(scratch, 'a,b "c"');
const store = storeAt(path.join(scratch, 'store'));
for (const directory of [source, comma, store.containers, store.run]) mkdirSync(directory, { recursive: true });
const mount = (text: string) => parseMount(text, store);

test('splitFields() reads quotes as CSV has them', () => {
  assert.deepEqual(splitFields('a=1,"b=2,3","c=""x""",d'), ['a=1', 'b=2,3', 'c="x"', 'd']);
  assert.deepEqual([splitFields(''), splitFields('a,')], [[''], ['a', '']]);
  for (const text of ['"a', 'a"b"', '"a"b', 'a,"']) assert.equal(splitFields(text), undefined, text);
});

test('parseMount() binds as -v does, by each name of a key', () => {
  const same: readonly (readonly [string, string])[] = [
    [`type=bind,src=${source},dst=/mnt`, ''],
    [`dst=/mnt,source=${source},type=bind`, ''],
    [`type=bind,source=${source},target=/mnt,readonly`, ':ro'],
    [`type=bind,src=${source},destination=/mnt,ro=true`, ':ro'],
    [`type=bind,src=${source},dst=/mnt,readonly=false,bind-propagation=rprivate`, ':rw'],
    [`type=bind,src=${source},dst=/mnt,bind-nonrecursive,consistency=cached`, ':bind'],
    [`type=bind,src=${source},dst=/mnt,bind-recursive=disabled,relabel=shared`, ':bind'],
    [`type=bind,src=${source},dst=/mnt,bind-recursive=readonly,ro,noexec`, ':ro,noexec'],
  ];
  for (const [text, options] of same)
    assert.deepEqual(mount(text), parseVolume(`${source}:/mnt${options}`, store), text);
  assert.equal(mount(`type=bind,"src=${comma.replaceAll('"', '""')}",dst=/mnt`).source, comma);
});

test('parseMount() makes a tmpfs as --tmpfs does', () => {
  assert.deepEqual(mount('type=tmpfs,dst=/t'), parseTmpfs('/t'));
  assert.deepEqual(mount('type=tmpfs,target=/t,tmpfs-size=8m,tmpfs-mode=01770,readonly'), {
    ...parseTmpfs('/t'),
    options: ['noexec', 'nosuid', 'nodev', 'size=8388608', 'mode=1770', 'ro'],
  });
});

test('parseMount() refuses wrong forms as usage, and names the whole value', () => {
  const bind = `type=bind,src=${source}`;
  for (const text of [
    'type=bind',
    bind,
    'type=bind,dst=/mnt',
    `${bind},dst=mnt`,
    `${bind},dst=/`,
    `${bind},dst=/proc/self`,
    `${bind},dst=/mnt,ro=perhaps`,
    `${bind},dst=/mnt,ro,rw`,
    `${bind},dst=/mnt,colour=red`,
    `${bind},dst=/mnt,bind-propagation=shared`,
    `${bind},dst=/mnt,bind-recursive=writable`,
    `${bind},"dst=/mnt`,
    `${bind},dst=/mnt,`,
    'type=tmpfs',
    'type=tmpfs,dst=/t,src=/x',
    'type=tmpfs,dst=/t,tmpfs-size=big',
    'type=tmpfs,dst=/t,tmpfs-mode=9',
    'type=tape,dst=/t',
  ])
    assert.throws(() => mount(text), refusal('USAGE_INVALID', /for --mount$/u), text);
});

test('parseMount() says what there is instead of other types, and refuses sources as -v does', () => {
  for (const type of ['volume', 'image', 'devpts', 'ramfs', 'glob'])
    assert.throws(
      () => mount(`type=${type},src=x,dst=/x`),
      refusal('VOLUME_INVALID', /type=\S+ cannot be had: /u),
      type,
    );
  assert.throws(() => mount('src=data,dst=/x'), refusal('VOLUME_INVALID', /type=volume cannot be had/u));
  assert.throws(() => mount('type=bind,src=data,dst=/x'), refusal('VOLUME_INVALID', /"data" is not a path/u));
  assert.throws(
    () => mount(`type=bind,src=${source}/no,dst=/x`),
    refusal('VOLUME_INVALID', /^--mount .* does not exist/u),
  );
  assert.throws(() => mount(`type=bind,src=${store.root},dst=/x`), refusal('VOLUME_INVALID', /hutch's own files/u));
});
