/** Images where one id only is mapped: everything belongs to root, and the owners come out again with `export`, `commit` and `save`. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { ociArchive } from '../helpers/image-archive.ts';
import { makeImage } from '../helpers/sample-image.ts';
import { startStub } from '../helpers/stub-registry.ts';
import { inUserns } from '../helpers/userns-tree.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { withOneId } from './one-id.ts';
import { BUSYBOX, idsSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';

const skip = (await idsSkip()) || busyboxSkip();

/** `mark` makes the layer one of its own. The last two cannot keep their owner: user.* attributes are for files and directories. */
function layer(mark: string): Buffer {
  return busyboxArchive([
    { name: 'srv/', flag: '5', mode: 0o2750, uid: 33, gid: 44 },
    { name: 'srv/web', content: mark, mode: 0o4640, uid: 33, gid: 44 },
    { name: 'srv/hard', flag: '1', linkName: 'srv/web', uid: 33, gid: 44 },
    { name: 'srv/far', content: mark, mode: 0o600, pax: { uid: '70000', gid: '80000' } },
    { name: 'srv/soft', flag: '2', linkName: 'web', uid: 33, gid: 44 },
    { name: 'srv/pipe', flag: '6', mode: 0o600, uid: 33, gid: 44 },
  ]);
}

const NOTE =
  /^.*: 2 entries belong to root now: one id only is mapped, and their type or this file system cannot keep another owner\n$/u;

/** Mode, owner and name of what an archive holds below srv. */
function owners(archive: string): string[] {
  const list = spawnSync('tar', ['--numeric-owner', '-tvf', archive], { encoding: 'utf8' }).stdout.split('\n');
  return list.filter((line) => line.includes(' srv/')).map((line) => line.replace(/ +\d+ [\d-]{10} \d\d:\d\d/u, ''));
}

describe('with one id mapped', { skip }, () => {
  const box = makeSandbox();
  const one = { wrapper: withOneId() };
  before(async () => {
    const { code, stderr } = await box.hutch(['image', 'import', box.file('one.tar', layer('import')), 'one:1'], one);
    assert.equal(code, 0, stderr);
    assert.match(stderr, NOTE);
  });

  for (const driver of ['overlay', 'fuse-overlayfs', 'vfs'])
    it(`${driver} shows root's files, and owners are kept through changes, export and commit`, async () => {
      const run = ['run', '--net', 'none', '--storage-driver', driver, '--name', driver, 'one:1'];
      const script = 'stat -c %u:%g /srv /srv/web /srv/far; echo more >>/srv/far; chmod 640 /srv/far; echo x >/srv/new';
      const { code, stdout, stderr } = await box.hutch([...run, 'sh', '-euc', script], one);
      assert.deepEqual([code, stdout], [0, '0:0\n0:0\n0:0\n'], stderr);
      const archive = path.join(box.directory, `${driver}.tar`);
      printed(await box.hutch(['export', '-o', archive, driver], one));
      const [directory = '', ...files] = owners(archive);
      // fuse-overlayfs 1.10 loses the setgid bit of a directory that it copies up.
      assert.match(directory, /^drwxr-[sx]--- 33\/44 srv\/$/u);
      assert.deepEqual(files, [
        '-rw-r----- 70000/80000 srv/far',
        '-rwSr----- 33/44 srv/hard',
        '-rw-r--r-- 0/0 srv/new',
        'prw------- 0/0 srv/pipe',
        'lrwxrwxrwx 0/0 srv/soft -> web',
        'hrwSr----- 33/44 srv/web link to srv/hard',
      ]);
      assert.ok(!readFileSync(archive).includes('override_stat'), 'the attribute is in the archive');

      printed(await box.hutch(['commit', '-q', driver, `changed:${driver}`], one));
      printed(await box.hutch(['save', '-o', archive, `changed:${driver}`], one));
      assert.ok(!readFileSync(archive).includes('override_stat'), 'the attribute is in the image');
      // Who has all ids, and a store of his own, gets the owners back; ids beyond 65535 are squashed.
      const full = { env: { HUTCH_DATA: path.join(box.directory, `full-${driver}`) } };
      assert.equal((await box.hutch(['load', '-q', '--squash-ids', '-i', archive], full)).code, 0);
      const look = ['run', '--rm', '--net', 'none', `changed:${driver}`, 'stat', '-c', '%u:%g %a %n'];
      assert.equal(
        printed(await box.hutch([...look, '/srv/web', '/srv/far', '/srv/new'], full)),
        '33:44 4640 /srv/web\n65534:65534 640 /srv/far\n0:0 644 /srv/new\n',
      );
    });

  it('load and pull say once what could not be kept', async () => {
    const file = box.file(
      'image.tar',
      ociArchive(makeImage({ layers: [layer('load'), layer('load again')] }), 'one:2'),
    );
    const loaded = await box.hutch(['load', '-i', file], one);
    assert.equal(loaded.code, 0);
    assert.match(loaded.stderr, /^one:2: 4 entries belong to root now: .*\n$/u);
    const stub = await startStub();
    try {
      stub.add('pull', makeImage({ layers: [layer('pull')] }));
      const pulled = await box.hutch(['pull', '-q', '--tls-verify=false', `${stub.host}/one:pull`], one);
      assert.equal(pulled.code, 0);
      assert.match(pulled.stderr, NOTE);
    } finally {
      await stub.stop();
    }
  });

  it('only then is the attribute believed: with more ids a user of a container could forge files of root', async () => {
    await importBusybox(box);
    printed(await box.hutch(['run', '--net', 'none', '--name', 'forger', BUSYBOX, 'sh', '-c', 'echo x >/tmp/forged']));
    const id = readFileSync(path.join(box.data, 'names', 'forger'), 'utf8');
    const forged = path.join(box.data, 'containers', id, 'upper/tmp/forged');
    await inUserns('chown 33:33 "$1"; setfattr -n user.containers.override_stat -v 0:0:04755 "$1"', forged);
    const archive = path.join(box.directory, 'forged.tar');
    const listed = async (options: object): Promise<string | undefined> => {
      printed(await box.hutch(['export', '-o', archive, 'forger'], options));
      const list = spawnSync('tar', ['--numeric-owner', '-tvf', archive, 'tmp/forged'], { encoding: 'utf8' });
      return /^\S+ \S+/u.exec(list.stdout)?.[0];
    };
    assert.equal(await listed({}), '-rw-r--r-- 33/33');
    assert.ok(!readFileSync(archive).includes('override_stat'), 'the attribute is in the archive');
  });
});
