/** Layers that hide and replace what lies below them in every way, and what a container must see of the stack. */

import { busyboxArchive } from '../../e2e/busybox-archive.ts';
import { buildTar, type TarPart } from '../../helpers/tar-builder.ts';

const directory = (name: string): TarPart => ({ name: `${name}/`, flag: '5', mode: 0o755 });

/** Uncompressed archives, lowest first. @param victim a directory of the host that must keep its file `precious` */
export function stackedLayers(victim: string, mark: string): Buffer[] {
  const middle = buildTar([
    ...['opaque', 'opaque/deep', 'inner', 'inner/deep', 'kept', 'to-file', 'emptied'].map(directory),
    ...['opaque/old', 'opaque/deep/old', 'inner/stays', 'inner/deep/old', 'kept/old', 'to-file/old', 'emptied/old'].map(
      (name) => ({ name, content: 'middle' }),
    ),
    { name: 'gone', content: 'middle' },
    { name: 'to-directory', content: 'middle' },
    { name: 'link', flag: '2', linkName: '/lower' },
    { name: 'trap', flag: '2', linkName: victim },
    { name: 'other-trap', flag: '2', linkName: victim },
    { name: 'first', content: 'linked' },
    { name: 'second', flag: '1', linkName: 'first' },
  ]);
  const top = buildTar([
    directory('opaque'),
    { name: 'opaque/.wh..wh..opq' },
    { name: 'opaque/new', content: mark },
    // The mark may come after what it does not hide, and in a directory that has no entry of its own.
    { name: 'inner/deep/new', content: mark },
    { name: 'inner/deep/.wh..wh..opq' },
    { name: 'emptied/.wh..wh..opq' },
    directory('kept'),
    { name: 'kept/new', content: mark },
    { name: '.wh.gone' },
    { name: 'to-file', content: 'a file' },
    directory('to-directory'),
    { name: 'to-directory/new', content: mark },
    directory('link'),
    { name: 'link/.wh.file' },
    { name: 'link/new', content: mark },
    directory('trap'),
    { name: 'trap/.wh.precious' },
    { name: 'trap/new', content: mark },
    directory('other-trap'),
    { name: 'other-trap/.wh..wh..opq' },
    { name: 'second', content: 'apart' },
    // A whiteout of what is not there.
    { name: 'kept/.wh.never' },
  ]);
  return [busyboxArchive(), middle, top];
}

/**
 * What can be reached. The kernel's overlayfs lists a whiteout by its name, though it cannot be opened, in a directory that is in one
 * layer only (here those that replace a link): what ls and find say of that is left out.
 */
export const LIST_STACK = `for d in opaque inner inner/deep emptied kept to-directory link trap other-trap; do echo $d: $(ls -A $d 2>/dev/null); done
cat to-file; echo; cat first second; echo; test -e gone || echo gone; test -e link/file || echo gone, too; cat lower/file
find / -xdev -path /dev -prune -o -name '.wh.*' -print -o -type c -print 2>/dev/null; true`;

export const STACK = `opaque: new
inner: deep stays
inner/deep: new
emptied:
kept: new old
to-directory: new
link: new
trap: new
other-trap:
a file
linkedapart
gone
gone, too
from the layer
`;
