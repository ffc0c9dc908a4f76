/** The tar parser: dialects, chunk borders, and archives made to hurt. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HutchError } from '../../src/errors/hutch-error.ts';
import type { EntrySink, TarEntry } from '../../src/archive/tar/entry.ts';
import { createTarParser } from '../../src/archive/tar/parser.ts';
import { buildTar, paxBody, type TarPart } from '../helpers/tar-builder.ts';

interface Seen extends TarEntry {
  readonly content: string;
}

/** Everything the parser says about `archive`, fed in pieces of `step` bytes out of one buffer that is used again. */
function parse(archive: Buffer, step = archive.length, headerBytes = 1 << 20): Seen[] {
  const seen: Seen[] = [];
  let entry: TarEntry | undefined;
  let content = Buffer.alloc(0);
  const sink: EntrySink = {
    begin(next) {
      assert.equal(entry, undefined, 'an entry began before the last one ended');
      entry = next;
      content = Buffer.alloc(next.sizeBytes, 0);
    },
    write: (chunk, start, end, position) => void chunk.copy(content, position, start, end),
    end() {
      assert.ok(entry !== undefined, 'an entry ended that had not begun');
      seen.push({ ...entry, content: content.toString('latin1') });
      entry = undefined;
    },
  };
  const parser = createTarParser(sink, { headerBytes });
  const window = Buffer.alloc(step);
  for (let at = 0; at < archive.length; at += step) {
    const count = archive.copy(window, 0, at, Math.min(archive.length, at + step));
    parser.push(window.subarray(0, count));
  }
  parser.finish();
  return seen;
}

function refusal(archive: Buffer, headerBytes?: number): HutchError {
  try {
    parse(archive, archive.length, headerBytes);
  } catch (error) {
    assert.ok(error instanceof HutchError, String(error));
    return error;
  }
  return assert.fail('the archive was taken');
}

const one = (part: Partial<TarPart>): Seen => {
  const [entry] = parse(buildTar([{ name: 'a', ...part }]));
  assert.ok(entry !== undefined);
  return entry;
};

test('createTarParser() gives the same entries whatever the chunks are', () => {
  const archive = buildTar([
    { name: 'd/', flag: '5', mode: 0o1777 },
    { name: 'd/file', content: 'x'.repeat(1000), uid: 5, gid: 6, mode: 0o4755 },
    { name: 'short', pax: { path: `long/${'n'.repeat(300)}`, mtime: '12.5' }, content: 'hello' },
    { name: 'd/link', flag: '2', linkName: 'file' },
    { name: 'empty' },
  ]);
  const whole = parse(archive);
  assert.deepEqual(
    whole.map(({ name, type, sizeBytes }) => [name.slice(0, 10), type, sizeBytes]),
    [
      ['d/', 'directory', 0],
      ['d/file', 'file', 1000],
      ['long/nnnnn', 'file', 5],
      ['d/link', 'symlink', 0],
      ['empty', 'file', 0],
    ],
  );
  for (const step of [1, 7, 511, 512, 513, 1000]) assert.deepEqual(parse(archive, step), whole, `chunks of ${step}`);
});

test('createTarParser() reads what headers say', () => {
  const entry = one({ content: 'abc', mode: 0o6751, uid: 1, gid: 2, mtime: 77 });
  assert.equal(entry.content, 'abc');
  assert.deepEqual([entry.mode, entry.uid, entry.gid, entry.mtime], [0o6751, 1, 2, { seconds: 77, nanoseconds: 0 }]);
});

test('createTarParser() reads base-256 numbers, negative ones too', () => {
  assert.equal(one({ patches: [[108, '\x80\0\0\0\x7f\xff\xff\xff']] }).uid, 0x7fff_ffff);
  assert.equal(one({ patches: [[136, `${'\xff'.repeat(11)}\xfe`]] }).mtime.seconds, -2);
});

test('createTarParser() lets pax records overrule headers for one entry, empty ones give the field back', () => {
  const [first, second] = parse(
    buildTar([
      { name: 'a', pax: { path: 'b', uid: '70000', mtime: '-1.25', 'SCHILY.xattr.user.x': 'a=\xff\n' } },
      { name: 'c', pax: { path: '' } },
    ]),
  );
  assert.equal(first?.name, 'b');
  assert.equal(first.uid, 70_000);
  assert.deepEqual(first.mtime, { seconds: -2, nanoseconds: 750_000_000 });
  assert.deepEqual(first.attributes, [{ name: 'user.x', value: Buffer.from('a=\xff\n', 'latin1') }]);
  assert.equal(second?.name, 'c');
  assert.deepEqual(second.attributes, []);
});

test('createTarParser() applies a global pax header to all entries after it', () => {
  const entries = parse(
    buildTar([
      { name: 'g', flag: 'g', content: paxBody({ gid: '9' }) },
      { name: 'a' },
      { name: 'b', pax: { gid: '8' } },
      { name: 'c' },
    ]),
  );
  assert.deepEqual(
    entries.map(({ gid }) => gid),
    [9, 8, 9],
  );
});

test('createTarParser() takes the size from pax', () => {
  const [a, b] = parse(buildTar([{ name: 'a', pax: { size: '4' }, content: 'data', statedSize: 0 }, { name: 'b' }]));
  assert.equal(a?.content, 'data');
  assert.equal(b?.name, 'b');
});

test('createTarParser() reads GNU long names and links', () => {
  const [entry] = parse(
    buildTar([
      { name: '././@LongLink', flag: 'L', content: `${'p'.repeat(200)}\0` },
      { name: '././@LongLink', flag: 'K', content: `${'t'.repeat(200)}\0` },
      { name: 'cut', flag: '2', linkName: 'cut' },
    ]),
  );
  assert.equal(entry?.name, 'p'.repeat(200));
  assert.equal(entry.linkName, 't'.repeat(200));
});

test('createTarParser() joins the ustar prefix, and reads v7 directories', () => {
  assert.equal(one({ patches: [[345, 'some/where']] }).name, 'some/where/a');
  assert.equal(one({ name: 'old/', flag: '\0', patches: [[257, '\0'.repeat(8)]] }).type, 'directory');
});

test('createTarParser() spreads a sparse file by its pax 1.0 map', () => {
  const map = Buffer.alloc(512);
  map.write('2\n1\n2\n10\n3\n', 'latin1');
  const entry = one({
    pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'real', 'GNU.sparse.realsize': '20' },
    content: Buffer.concat([map, Buffer.from('abcde')]),
  });
  assert.equal(entry.name, 'real');
  assert.equal(entry.content, `\0ab${'\0'.repeat(7)}cde${'\0'.repeat(7)}`);
});

test('createTarParser() refuses sparse maps that overlap, leave the file or do not fit what is stored', () => {
  for (const map of ['0,2,1,2', '0,2,19,2', '0,3', 'x,2', '0,1,2']) {
    const archive = buildTar([{ name: 's', pax: { 'GNU.sparse.size': '20', 'GNU.sparse.map': map }, content: 'abcd' }]);
    assert.equal(refusal(archive).code, 'ARCHIVE_INVALID', map);
  }
});

test('createTarParser() takes an archive without end blocks, but none that is cut short', () => {
  const parts = [{ name: 'a', content: 'x'.repeat(600) }];
  assert.equal(parse(buildTar(parts, { hasEnd: false })).length, 1);
  const archive = buildTar(parts);
  for (const length of [300, 512, 800, 1030, 1500]) {
    const error = refusal(archive.subarray(0, length));
    assert.match(error.message, length === 300 ? /no tar archive/u : /cut short/u, String(length));
  }
});

test('createTarParser() takes an archive of nothing, and nothing after the end', () => {
  assert.deepEqual(parse(Buffer.alloc(1024)), []);
  assert.equal(parse(Buffer.concat([buildTar([{ name: 'a' }]), Buffer.from('rubbish'.repeat(200))])).length, 1);
});

test('createTarParser() refuses what is no tar archive', () => {
  assert.match(refusal(Buffer.from('#!/bin/sh\n'.repeat(200))).message, /no tar archive/u);
  assert.match(refusal(Buffer.alloc(0)).message, /no tar archive/u);
});

test('createTarParser() refuses damage in the middle, naming how far it came', () => {
  const archive = Buffer.concat([buildTar([{ name: 'a' }], { hasEnd: false }), Buffer.alloc(1024, 'z')]);
  assert.match(refusal(archive).message, /damaged after 1 headers/u);
});

test('createTarParser() bounds headers before it reads them', () => {
  const huge = buildTar([{ name: 'x', flag: 'x', statedSize: 2 ** 32 }]);
  assert.match(refusal(huge).message, /4294967296 bytes, more than/u);
  const long = buildTar([{ name: 'L', flag: 'L', content: 'n'.repeat(5000) }, { name: 'a' }]);
  assert.match(refusal(long, 4096).message, /5000 bytes, more than 4096/u);
});

test('createTarParser() refuses damaged pax records and numbers', () => {
  for (const body of ['', '5', '999999 a=b\n', '3 =\n', '7 a=bcd', 'x a=b\n', '6 a=b\nrest']) {
    if (body === '') continue;
    assert.equal(
      refusal(buildTar([{ name: 'x', flag: 'x', content: body }, { name: 'a' }])).code,
      'ARCHIVE_INVALID',
      body,
    );
  }
  for (const pax of [{ uid: '-1' }, { size: '9'.repeat(20) }, { mtime: 'now' }]) {
    assert.equal(refusal(buildTar([{ name: 'a', pax }])).code, 'ARCHIVE_INVALID', JSON.stringify(pax));
  }
  assert.match(
    refusal(buildTar([{ name: 'a', patches: [[124, '99999999999']] }])).message,
    /number that cannot be read/u,
  );
  assert.match(refusal(buildTar([{ name: 'a', patches: [[124, '\xff'.repeat(12)]] }])).message, /negative size/u);
});

test('createTarParser() refuses kinds of entries that it does not know, naming the entry', () => {
  for (const flag of ['M', 'N', 'Z']) assert.equal(refusal(buildTar([{ name: 'odd', flag }])).context['entry'], 'odd');
});
