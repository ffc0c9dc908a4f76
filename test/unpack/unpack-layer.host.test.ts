/** The built unpack program in the user's own namespace: trees compared with GNU tar's, whiteouts, hostile archives, limits. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { unpackLayer, type UnpackOptions } from '../../src/images/layer/unpack-layer.ts';
import type { UnpackedLayer } from '../../src/images/layer/unpack-protocol.ts';
import { removeInUserns } from '../../src/userns/run-in-userns.ts';
import { buildTar, type TarPart } from '../helpers/tar-builder.ts';
import { inUserns, listTree, unpackSkip } from '../helpers/userns-tree.ts';

const skip = await unpackSkip();
const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-unpack-'));
after(() => removeInUserns([scratch]));

let made = 0;
function makeTree(): string {
  const tree = path.join(scratch, `tree-${made++}`);
  mkdirSync(tree, { mode: 0o700 });
  return tree;
}

async function unpack(
  archive: Buffer | string,
  options: UnpackOptions = {},
): Promise<{ readonly tree: string; readonly layer: UnpackedLayer }> {
  const tree = makeTree();
  const file = typeof archive === 'string' ? archive : path.join(scratch, `archive-${made++}`);
  if (typeof archive !== 'string') writeFileSync(file, archive);
  return { tree, layer: await unpackLayer(file, tree, options) };
}

/** A tree with one of everything that an ordinary user's root may make. */
const RICH = String.raw`
mkdir "$1"; cd "$1"; umask 022
mkdir -p usr/bin var/tmp empty "$(printf 'd%0120d' 1)/$(printf 'e%0120d' 2)/$(printf 'f%0120d' 3)"
printf 'content\n' > "$(printf 'd%0120d' 1)/$(printf 'e%0120d' 2)/$(printf 'f%0120d' 3)/leaf"
head -c 1500000 /dev/urandom > usr/bin/big; printf x > usr/bin/tiny; : > usr/bin/none
printf 'sudo' > usr/bin/sudo; chown 0:42 usr/bin/sudo; chmod 6755 usr/bin/sudo
printf 'owned' > owned; chown 1000:65535 owned; chmod 0640 owned
printf 'closed' > closed; chmod 0000 closed
ln usr/bin/tiny usr/bin/hard; ln -s /etc/passwd absolute; ln -s ../../outside climbing; ln -s "$(printf 't%0180d' 4)" longlink
chown -h 7:8 absolute
mkfifo -m 0622 pipe; chown 3:4 pipe
printf 'named' > "$(printf 'b\344d\n name')"; printf 'u' > "ünïcode ☃"
printf 'cap' > usr/bin/cap; setcap cap_net_raw+ep usr/bin/cap
setfattr -n user.note -v 'hello world' owned; setfattr -n user.dir -v yes empty
truncate -s 3000000 sparse; printf 'begin' | dd of=sparse conv=notrunc status=none
printf 'middle' | dd of=sparse conv=notrunc status=none bs=1 seek=1500000
chmod 1777 var/tmp; chmod 2775 var; chown 0:50 var; mkdir var/below; printf s > var/below/file
touch -h -d '1969-12-31 23:59:58.25' absolute; touch -d '2001-02-03 04:05:06.123456789' owned usr/bin/tiny
touch -d '2038-01-19 03:14:09' usr/bin/none; touch -d '2010-10-10 10:10:10.5' usr/bin var empty .`;

if (skip === false) await inUserns(`${RICH}\n`, path.join(scratch, 'rich'));

const FORMATS: readonly (readonly [title: string, flags: string])[] = [
  ['gnu', '--format=gnu'],
  ['gnu sparse', '--format=gnu --sparse'],
  ['posix', '--format=posix --xattrs --xattrs-include=*'],
  ['posix sparse 1.0', '--format=posix --sparse --sparse-version=1.0 --xattrs --xattrs-include=*'],
  ['posix sparse 0.1', '--format=posix --sparse --sparse-version=0.1'],
  ['posix sparse 0.0', '--format=posix --sparse --sparse-version=0.0'],
];

for (const [title, flags] of FORMATS) {
  test(`unpackLayer() makes the same tree as GNU tar from a ${title} archive`, { skip }, async () => {
    const archive = path.join(scratch, `rich-${made++}.tar`);
    const reference = makeTree();
    await inUserns(`tar -C "$1" ${flags} -cf "$2" . 2>/dev/null`, path.join(scratch, 'rich'), archive);
    await inUserns(`tar -C "$1" -xpf "$2" --numeric-owner --xattrs --xattrs-include='*'`, reference, archive);
    const { tree, layer } = await unpack(archive);
    const expected = await listTree(reference);
    assert.ok(expected.includes('usr/bin/sudo|f|6755|0|42'), 'the reference tree is not what it should be');
    assert.equal(await listTree(tree), expected);
    assert.equal(expected.includes('security.capability='), flags.includes('--xattrs'));
    assert.equal(layer.diffId, layer.digest);
    if (flags.includes('--sparse')) {
      const blocks = await inUserns('stat -c %b "$1/sparse"', tree);
      assert.ok(Number(blocks) * 512 < 1_000_000, `the sparse file takes ${blocks.trim()} blocks`);
    }
  });
}

test(
  'unpackLayer() keeps file capabilities and attributes, and drops those by which overlays are steered',
  { skip },
  async () => {
    const pax = {
      'SCHILY.xattr.user.a': '1',
      'SCHILY.xattr.user.overlay.redirect': '/etc',
      'SCHILY.xattr.trusted.b': '2',
      'SCHILY.xattr.user.overlay.opaque': 'y',
    };
    const { tree, layer } = await unpack(buildTar([{ name: 'd/', flag: '5', mode: 0o755, pax }]));
    assert.match(await inUserns('getfattr -d -m - "$1/d" 2>/dev/null', tree), /^# file: .*\nuser\.a="1"\n\n$/u);
    assert.equal(layer.skippedAttributes, 3);
  },
);

const OPAQUE_ONES = ['# file: ./new/deep', '# file: ./later', '# file: ./parent'];

test('unpackLayer() turns whiteouts into what overlay understands', { skip }, async () => {
  const { tree } = await unpack(
    buildTar([
      { name: 'etc/', flag: '5', mode: 0o755 },
      { name: 'etc/.wh.gone' },
      { name: 'new/deep/.wh..wh..opq' },
      { name: '.wh.later' },
      { name: 'later/', flag: '5', mode: 0o755 },
      { name: 'later/file', content: 'x' },
      { name: 'first', content: 'x' },
      { name: '.wh.first' },
      { name: '.wh.parent' },
      { name: 'parent/child', content: 'x' },
      { name: '.wh..wh.plnk/1', content: 'x' },
    ]),
  );
  const list = await inUserns(
    `cd "$1"; find . -type c -printf '%p '; stat -c '%t:%T' etc/gone; cat first; echo; getfattr -R --absolute-names -n user.overlay.opaque . 2>/dev/null | grep -a ^#; ls -A`,
    tree,
  );
  assert.deepEqual(
    list.split('\n').toSorted(),
    ['', ...OPAQUE_ONES, './etc/gone 0:0', 'etc', 'first', 'later', 'new', 'parent', 'x'].toSorted(),
  );
});

test('unpackLayer() lets later entries replace earlier ones of any kind', { skip }, async () => {
  const { tree } = await unpack(
    buildTar([
      { name: 'a', content: 'old' },
      { name: 'a', content: 'new' },
      { name: 'b/', flag: '5', mode: 0o755 },
      { name: 'b/in', content: 'x' },
      { name: 'b', content: 'file' },
      { name: 'c', flag: '2', linkName: 'a' },
      { name: 'c/', flag: '5', mode: 0o700 },
      { name: 'd', flag: '2', linkName: 'a' },
      { name: 'd', content: 'own' },
    ]),
  );
  assert.equal(await inUserns(`cd "$1"; cat a b d; stat -c ' %F %a' c`, tree), 'newfileown directory 700\n');
});

test('unpackLayer() follows links made by the archive inside the layer only', { skip }, async () => {
  const outside = path.join(scratch, 'outside');
  mkdirSync(outside);
  chmodSync(outside, 0o777);
  const up = '../'.repeat(30);
  const parts: TarPart[] = [
    { name: 'abs', flag: '2', linkName: outside },
    { name: `abs/one`, content: 'x' },
    { name: 'rel', flag: '2', linkName: `${up}${outside.slice(1)}` },
    { name: 'rel/two', content: 'x' },
    { name: 'lib', flag: '2', linkName: 'usr/lib' },
    { name: 'usr/lib/', flag: '5', mode: 0o755 },
    { name: 'lib/three', content: 'x' },
  ];
  // A link to where nothing is, inside, is a fault of the archive; what counts is that nothing appears outside.
  for (const count of [2, 4])
    await assert.rejects(unpack(buildTar(parts.slice(count - 2, count))), { code: 'ARCHIVE_INVALID' });
  const { tree } = await unpack(buildTar(parts.slice(4)));
  assert.equal(await inUserns('cat "$1/usr/lib/three"', tree), 'x');
  assert.deepEqual(readdirSync(outside), []);
});

const HOSTILE: readonly (readonly [title: string, parts: readonly TarPart[], message: RegExp])[] = [
  ['a path that climbs out', [{ name: '../evil', content: 'x' }], /"\.\.\/evil" climbs out/u],
  ['a path that climbs out in the middle', [{ name: 'a/../../evil', content: 'x' }], /climbs out/u],
  ['a pax path that climbs out', [{ name: 'ok', pax: { path: 'a/../../evil' } }], /climbs out/u],
  ['a hard link that climbs out', [{ name: 'a', flag: '1', linkName: '../../etc/passwd' }], /climbs out/u],
  ['a hard link to a file of the host', [{ name: 'a', flag: '1', linkName: '/etc/passwd' }], /ENOENT/u],
  ['a NUL in a name', [{ name: 'ok', pax: { path: 'a\0b' } }], /NUL/u],
  ['a NUL in a link', [{ name: 'ok', flag: '2', pax: { linkpath: 'a\0b' } }], /NUL/u],
  [
    'a file for a root directory',
    [
      { name: './', content: 'old directory', flag: '0' },
      { name: '/', flag: '2', linkName: '/etc' },
    ],
    /in the place of the root directory/u,
  ],
  ['a name that no file system takes', [{ name: 'n', pax: { path: 'n'.repeat(300) } }], /ENAMETOOLONG/u],
  ['a depth without end', [{ name: 'n', pax: { path: 'd/'.repeat(600) } }], /deeper than 500/u],
];

for (const [title, parts, message] of HOSTILE) {
  test(`unpackLayer() refuses an archive with ${title}`, { skip }, async () => {
    await assert.rejects(unpack(buildTar(parts)), { code: 'ARCHIVE_INVALID', message });
  });
}

test('unpackLayer() leaves device nodes out and counts them', { skip }, async () => {
  const { tree, layer } = await unpack(
    buildTar([
      {
        name: 'dev/null',
        flag: '3',
        patches: [
          [329, '0000001'],
          [337, '0000003'],
        ],
      },
      { name: 'dev/sda', flag: '4' },
      { name: 'dev/hidden', flag: '3' },
      { name: 'file' },
    ]),
  );
  assert.equal(layer.skippedDevices, 3);
  assert.deepEqual(readdirSync(tree), ['file']);
});

test('unpackLayer() names the entry and the id that has no counterpart', { skip }, async () => {
  for (const [pax, kind] of [
    [{ uid: '70000' }, 'uid'],
    [{ gid: '4294967295' }, 'gid'],
    [{ gid: '70000' }, 'gid'],
  ] as const) {
    await assert.rejects(unpack(buildTar([{ name: 'etc/thing', pax }])), (error: Error) => {
      assert.match(error.message, new RegExp(`"etc/thing" belongs to ${kind} (70000|4294967295)`, 'u'));
      assert.equal((error as Error & { code: string }).code, 'ID_UNMAPPED');
      return true;
    });
  }
});

test('unpackLayer() keeps to its limits', { skip }, async () => {
  const files = Array.from({ length: 50 }, (_, index) => ({ name: `f${index}`, content: 'x'.repeat(100) }));
  await assert.rejects(unpack(buildTar(files), { limits: { entries: 49 } }), {
    code: 'ARCHIVE_INVALID',
    message: /more than 49 entries/u,
  });
  await assert.rejects(unpack(buildTar(files), { limits: { sizeBytes: 4999 } }), { message: /more than 4999 bytes/u });
  assert.equal((await unpack(buildTar(files), { limits: { entries: 50, sizeBytes: 5000 } })).layer.unpackedBytes, 5000);
  const bomb = gzipSync(buildTar([{ name: 'zeros', content: Buffer.alloc(3 << 20) }]));
  await assert.rejects(unpack(bomb, { limits: { ratio: 100, ratioFromBytes: 1 << 20 } }), {
    message: /more than 100 times/u,
  });
});

test('unpackLayer() does not let a default ACL of the store rub off on the layer', { skip }, async () => {
  const tree = makeTree();
  const file = path.join(scratch, 'plain.tar');
  writeFileSync(
    file,
    buildTar([
      { name: 'd/', flag: '5', mode: 0o755 },
      { name: 'd/f', mode: 0o644 },
    ]),
  );
  // The raw form of d:u::rwx,d:u:1000:rwx,d:g::r-x,d:m::rwx,d:o::---
  const acl = '0x0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000000ffffffff';
  await inUserns('setfattr -n system.posix_acl_default -v "$2" "$1"; chmod 2777 "$1"', tree, acl);
  await unpackLayer(file, tree);
  assert.equal(
    await inUserns(`cd "$1"; stat -c %a . d d/f; getfattr -R -d -m - . 2>/dev/null`, tree),
    '755\n755\n644\n',
  );
});

test('unpackLayer() makes many directories', { skip }, async () => {
  const count = 20_000;
  const parts = Array.from({ length: count }, (_, index) => ({
    name: `d${index % 100}/e${index}/`,
    flag: '5',
    mode: 0o755,
  }));
  const { layer } = await unpack(gzipSync(buildTar(parts)));
  assert.equal(layer.entries, count);
});
