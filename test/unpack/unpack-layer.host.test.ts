/** The built unpack program in the user's own namespace: trees compared with GNU tar's, whiteouts, hostile archives, limits. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { unpackLayer, type AppliedLayer, type UnpackOptions } from '../../src/images/layer/unpack-layer.ts';
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
): Promise<{ readonly tree: string; readonly layer: AppliedLayer }> {
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
  const hidden = await inUserns('cd "$1"; getfattr --only-values -n user.overlay.opaque c', tree);
  assert.equal(hidden, 'y', 'what the link hid comes back');
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
  [
    'a hard link through a link without end',
    [
      { name: 'a', flag: '2', linkName: 'a' },
      { name: 'b', flag: '1', linkName: 'a/c' },
    ],
    /ELOOP/u,
  ],
  [
    'an entry below a link to a file',
    [{ name: 'f' }, { name: 'l', flag: '2', linkName: 'f' }, { name: 'l/x' }],
    /leads to no directory/u,
  ],
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

test('unpackLayer() tells what depends on the layers below', { skip }, async () => {
  const { tree, layer } = await unpack(
    buildTar([
      { name: 'a/b/file' },
      { name: 'late/file' },
      { name: 'late/', flag: '5', mode: 0o700 },
      { name: '.wh.gone' },
      { name: 'gone/file' },
      { name: 'hard', flag: '1', linkName: '/etc/passwd' },
      { name: 'other', flag: '1', linkName: 'hard' },
      { name: 'again', flag: '1', linkName: 'hard' },
      { name: 'again', content: 'x' },
      { name: 'a/whole', flag: '1', linkName: 'a/b/file' },
      { name: 'kept/.wh..wh..opq' },
    ]),
  );
  assert.deepEqual(layer.loose, {
    directories: ['a', 'a/b', 'kept'],
    links: [
      ['hard', 'etc/passwd'],
      ['other', 'etc/passwd'],
    ],
  });
  assert.deepEqual([layer.looseDirectories, layer.looseLinks, layer.isOpaque], [3, 2, false]);
  assert.deepEqual(readdirSync(tree).toSorted(), ['a', 'again', 'gone', 'kept', 'late']);
  assert.equal((await unpack(buildTar([{ name: '.wh..wh..opq' }]))).layer.isOpaque, true);
  const many = Array.from({ length: 100 }, (_, index) => ({ name: `d${index}/f` }));
  await assert.rejects(unpack(buildTar(many), { limits: { looseBytes: 6000 } }), {
    code: 'ARCHIVE_INVALID',
    message: /too many directories without an entry/u,
  });
});

test('unpackLayer() comes back to directories that it has left', { skip }, async () => {
  const acl = '\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x04\0\x05\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff';
  const list = { 'SCHILY.xattr.system.posix_acl_default': acl };
  const { tree } = await unpack(
    buildTar([
      { name: 'set/', flag: '5', mode: 0o2775, gid: 44, mtime: 981_173_106 },
      { name: 'acl/', flag: '5', mode: 0o755, mtime: 981_173_107, pax: list },
      { name: 'twice/in/', flag: '5', mode: 0o2700, uid: 5, gid: 6, pax: { 'SCHILY.xattr.user.first': 'x' } },
      { name: 'twice', content: 'x' },
      { name: 'twice/', flag: '5', mode: 0o750, mtime: 981_173_110, pax: { 'SCHILY.xattr.user.second': 'x' } },
      { name: 'soft', flag: '2', linkName: 'set/in' },
      { name: 'set/in/', flag: '5', mode: 0o500, mtime: 981_173_108 },
      { name: 'acl/file', mode: 0o600 },
      { name: 'acl/in/', flag: '5', mode: 0o711 },
      { name: 'set/file', mode: 0o640 },
      { name: 'soft/through', mode: 0o640 },
      { name: 'soft/deep/er', mode: 0o640 },
      { name: 'acl/.wh.none' },
      { name: './', flag: '5', mode: 0o751, mtime: 981_173_109 },
      { name: 'last' },
    ]),
  );
  const shown = await inUserns(
    `cd "$1"; stat -c '%n %a %u:%g %Y' . set acl set/in twice; ls -A twice; stat -c '%n %a %u:%g' acl/file acl/in set/file set/in/through set/in/deep/er
getfattr -R -d -m - . | grep -a ^# | sort`,
    tree,
  );
  assert.equal(
    shown,
    `. 751 0:0 981173109
set 2775 0:44 981173106
acl 755 0:0 981173107
set/in 500 0:0 981173108
twice 750 0:0 981173110
acl/file 600 0:0
acl/in 711 0:0
set/file 640 0:0
set/in/through 640 0:0
set/in/deep/er 640 0:0
# file: acl
# file: twice
`,
  );
});

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

test('unpackLayer() makes many directories, and comes back to each', { skip }, async () => {
  const count = 20_000;
  const directory = (name: string): TarPart => ({ name, flag: '5', mode: 0o750, uid: 3, mtime: 1_000_000_000 });
  const parents = Array.from({ length: 100 }, (_, index) => directory(`d${index}/`));
  const parts = Array.from({ length: count }, (_, index) => directory(`d${index % 100}/e${index}/`));
  const { layer, tree } = await unpack(gzipSync(buildTar([...parents, ...parts])));
  assert.equal(layer.entries, count + 100);
  const shown = await inUserns(`find "$1" -mindepth 1 -printf '%y %m %U %T@\\n' | sort | uniq -c`, tree);
  assert.match(shown, /^ *20100 d 750 3 1000000000\.0+\n$/u);
});
