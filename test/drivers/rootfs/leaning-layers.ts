/** Layers that lean on those below them: directories without an entry, hard links to files of lower layers; and ones that stand alone. */

import { busyboxArchive } from '../../e2e/busybox-archive.ts';
import { buildTar, type TarPart } from '../../helpers/tar-builder.ts';

const directory = (name: string, more: Partial<TarPart> = {}): TarPart => ({
  name: `${name}/`,
  flag: '5',
  mode: 0o755,
  ...more,
});
/** podman also heeds what a hard link's own entry says. */
const OF_FILE = { mode: 0o4755, uid: 7, gid: 8, mtime: 1_111_111_111 };
const NOTE = { 'SCHILY.xattr.user.note': 'text' };

const BASE = busyboxArchive([
  directory('own', { mode: 0o2750, uid: 33, gid: 44, mtime: 981_173_106, pax: NOTE }),
  directory('own/deep', { mode: 0o711, uid: 5, gid: 6, mtime: 1_234_567_890 }),
  { name: 'own/file', content: 'of the base\n', ...OF_FILE, pax: NOTE },
  directory('replaced', { mode: 0o700, uid: 9 }),
  { name: 'replaced/old', content: 'x' },
  directory('emptied', { mode: 0o2700, gid: 9 }),
  { name: 'emptied/old', content: 'x' },
]);

const leaningParts = (mark: string): TarPart[] => [
  { name: 'own/deep/new', content: mark, mtime: 1_300_000_000 },
  { name: 'tmp/linked', flag: '1', linkName: 'own/file', ...OF_FILE },
  { name: 'tmp/again', flag: '1', linkName: 'tmp/linked', ...OF_FILE },
  { name: 'emptied/.wh..wh..opq' },
  // An entry that comes late is one nevertheless.
  { name: 'late/first', content: 'x' },
  directory('late', { mode: 0o750, uid: 3, gid: 3 }),
];

/** Directories that nothing says the time of. */
const TIMELESS: readonly TarPart[] = [
  { name: 'own/deep/fresh/leaf', content: 'x', mtime: 1_300_000_000 },
  { name: '.wh.replaced', mtime: 1_300_000_000 },
  { name: 'replaced/new', content: 'x', mtime: 1_300_000_000 },
];

/** Over `leaning`: no entry for what it had none for either. */
const OVER = buildTar([{ name: 'own/deep/over', content: 'x', mtime: 1_300_000_000 }]);

/** Uncompressed archives, lowest first. `mark` makes the middle one one of its own. */
export function leaningLayers(mark: string): Buffer[] {
  return [BASE, buildTar([...leaningParts(mark), ...TIMELESS]), OVER];
}

/** As leaningLayers(), without what gets the time at which it is unpacked: to be compared. */
export function timedLeaningLayers(mark: string): Buffer[] {
  return [BASE, buildTar(leaningParts(mark)), OVER];
}

export const LOOK_LEANING = `stat -c '%n %F %a %u:%g %Y' own own/deep
stat -c '%n %F %a %u:%g' tmp replaced emptied late
stat -c '%n %a %u:%g %Y %s' own/file tmp/linked tmp/again
test own/file -ef tmp/linked && test tmp/again -ef own/file && echo one
ls -A own own/deep replaced emptied; cat tmp/linked`;

export const LEANING = `own directory 2750 33:44 981173106
own/deep directory 711 5:6 1234567890
tmp directory 1777 0:0
replaced directory 755 0:0
emptied directory 2700 0:9
late directory 750 3:3
own/file 4755 7:8 1111111111 12
tmp/linked 4755 7:8 1111111111 12
tmp/again 4755 7:8 1111111111 12
one
emptied:

own:
deep
file

own/deep:
fresh
new
over

replaced:
new
of the base
`;

/** A layer whose root hides all below it, above one that would otherwise show; and one more above. */
export function opaqueRootLayers(mark: string): Buffer[] {
  return [
    buildTar([
      { name: 'hidden', content: mark },
      directory('etc', { mode: 0o700 }),
      { name: 'etc/hidden', content: 'x' },
    ]),
    busyboxArchive([{ name: '.wh..wh..opq' }, { name: 'mark', content: mark }]),
    buildTar([{ name: 'over', content: 'x' }]),
  ];
}

/** The same layer twice, as builders write it for steps that change nothing; between them one that removes a file of it. */
export function repeatedLayers(mark: string): Buffer[] {
  const twice = buildTar([directory('twice'), { name: 'twice/file', content: mark }]);
  return [busyboxArchive(), twice, buildTar([directory('twice'), { name: 'twice/.wh.file' }]), twice];
}
