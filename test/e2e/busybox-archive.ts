/** A small image out of the host's static busybox, with a few files that tests of layers look at. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { buildTar, type TarPart } from '../helpers/tar-builder.ts';

const PROGRAM = '/usr/bin/busybox';

/** Why the image cannot be made here; false when it can. */
export function busyboxSkip(): string | false {
  if (!existsSync(PROGRAM)) return 'busybox is not installed';
  const isStatic =
    !readFileSync(PROGRAM).subarray(0, 4096).includes('/lib64/ld-linux') &&
    !readFileSync(PROGRAM).subarray(0, 4096).includes('/lib/ld-');
  return isStatic ? false : 'busybox is not static';
}

const directory = (name: string, mode = 0o755): TarPart => ({ name: `${name}/`, flag: '5', mode });
const link = (name: string, linkName: string): TarPart => ({ name, flag: '2', linkName });

/** An uncompressed archive of the image's root, with `more` behind it. */
export function busyboxArchive(more: readonly TarPart[] = []): Buffer {
  const applets = spawnSync(PROGRAM, ['--list'], { encoding: 'utf8' }).stdout.split('\n');
  return buildTar([
    ...['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'usr', 'usr/lib', 'usr/lib64'].map((name) =>
      directory(name),
    ),
    directory('tmp', 0o1777),
    link('lib', 'usr/lib'),
    link('lib64', 'usr/lib64'),
    { name: 'bin/busybox', content: readFileSync(PROGRAM), mode: 0o755 },
    ...applets.filter((name) => name !== '' && name !== 'busybox').map((name) => link(`bin/${name}`, 'busybox')),
    { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:web:/srv/web:/bin/sh\n' },
    { name: 'etc/group', content: 'root:x:0:\nweb:x:33:\nlog:x:44:web\n' },
    directory('lower'),
    { name: 'lower/file', content: 'from the layer\n', mtime: 1_234_567_890 },
    { name: 'lower/owned', content: 'owned\n', uid: 33, gid: 44 },
    { name: 'lower/set-uid', content: 'set-uid\n', mode: 0o4755 },
    { name: 'lower/hard', flag: '1', linkName: 'lower/file', mtime: 1_234_567_890 },
    link('lower/soft', 'file'),
    { name: 'lower/large', content: Buffer.alloc(1_000_000, 'x') },
    directory('lower/tree'),
    directory('lower/tree/deep'),
    { name: 'lower/tree/deep/leaf', content: 'leaf\n' },
    { name: 'bad-format', content: 'neither ELF nor script\n', mode: 0o755 },
    { name: 'not-executable', content: '#!/bin/sh\n', mode: 0o644 },
    ...more,
  ]);
}
