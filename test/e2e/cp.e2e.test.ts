/** `hutch cp`: the rules of docker cp, both ways, and archives on stdin and stdout. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
  chmodSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { probeRootfsDriver, ROOTFS_DRIVERS } from '../../src/drivers/rootfs/probe.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { eventually } from './processes.ts';
import { startContainer, type Running } from './running.ts';
import { assertRefused, BUSYBOX, hostSkip, idsSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';

const noIds = await idsSkip();

describe('hutch cp', { skip: hostSkip() === false ? busyboxSkip() : hostSkip() }, () => {
  let container: Running;
  after(() => container.end());
  const box = makeSandbox();
  const at = (...names: readonly string[]): string => path.join(box.directory, ...names);
  const inside = async (script: string): Promise<string> => printed(await container.exec([], 'sh', '-c', script));
  const cp = async (...words: readonly string[]): Promise<string> => printed(await box.hutch(['cp', ...words]));
  before(async () => {
    await importBusybox(box);
    container = await startContainer(box, 'web', [BUSYBOX, 'sleep', '1000']);
    mkdirSync(at('tree/sub'), { recursive: true });
    writeFileSync(at('tree/a'), 'content of a');
    writeFileSync(at('tree/sub/b'), 'content of b');
    symlinkSync('a', at('tree/link'));
    chmodSync(at('tree/a'), 0o640);
  });

  it('copies a file into a directory, over a file, and under another name; it belongs to root there', async () => {
    assert.equal(await cp('tree/a', 'web:/tmp'), '');
    await cp('tree/sub/b', 'web:/tmp/a');
    await cp(at('tree/a'), `${container.id.slice(0, 12)}:/tmp/other`);
    assert.equal(
      await inside('cat /tmp/a; echo; cat /tmp/other; stat -c " %a %u:%g" /tmp/other'),
      'content of b\ncontent of a 640 0:0\n',
    );
  });

  it('copies a directory into one that is there, and under its new name else', async () => {
    await cp('tree', 'web:/tmp/new');
    await cp('tree', 'web:/tmp/new');
    await cp('tree/.', 'web:/tmp/contents');
    const list = 'cd /tmp; find new contents | sort';
    const own = ['a', 'link', 'sub', 'sub/b'];
    const expected = [
      ...['contents', ...own.map((name) => `contents/${name}`)],
      ...['new', 'new/a', 'new/link', 'new/sub', 'new/sub/b'],
      ...['new/tree', ...own.map((name) => `new/tree/${name}`)],
    ].sort();
    assert.deepEqual((await inside(list)).trimEnd().split('\n').sort(), expected);
  });

  it('copies out, and what comes belongs to the user, without set-id bits', async () => {
    await inside(
      'mkdir -p /srv/dir; echo out >/srv/dir/file; chmod 6755 /srv/dir/file; ln -s file /srv/dir/link; ln /srv/dir/file /srv/dir/same',
    );
    await cp('web:/srv/dir', 'out');
    const { uid, mode, nlink } = lstatSync(at('out/file'));
    assert.deepEqual([uid, mode & 0o7777, nlink], [process.getuid?.(), 0o755, 2]);
    assert.equal(readlinkSync(at('out/link')), 'file');
    await cp('web:/srv/dir/.', 'out');
    assert.deepEqual(readdirSync(at('out')).sort(), ['file', 'link', 'same']);
    await cp('web:/srv/dir/link', 'as-link');
    await cp('-L', 'web:/srv/dir/link', 'as-file');
    assert.ok(lstatSync(at('as-link')).isSymbolicLink() && lstatSync(at('as-file')).isFile());
  });

  it('leaves a directory of the host as it is when it goes into it', async () => {
    mkdirSync(at('mine'));
    chmodSync(at('mine'), 0o700);
    await inside('mkdir -p /srv/open; chmod 777 /srv/open; echo 1 >/srv/open/1');
    await cp('web:/srv/open/.', 'mine');
    assert.equal(lstatSync(at('mine')).mode & 0o777, 0o700);
    assert.equal(readFileSync(at('mine/1'), 'utf8'), '1\n');
  });

  it('refuses what docker refuses', async () => {
    const refused = async (source: string, destination: string, message: RegExp): Promise<void> => {
      assertRefused(await box.hutch(['cp', source, destination]), message);
    };
    await refused('web:/no/such', '.', /there is no \/no\/such to copy/u);
    await refused('no-such', 'web:/tmp', /no-such to copy/u);
    await refused('tree/a', 'web:/no/such', /there is no directory \/no/u);
    await refused('tree/a', 'web:/tmp/none/', /there is no directory \/tmp\/none/u);
    await refused('tree/a/', 'web:/tmp', /tree\/a (?:to copy|is no directory)/u);
    await refused('tree', 'web:/bin/busybox', /\/bin\/busybox is no directory/u);
    await refused('nobody:/etc', '.', /there is no container "nobody"/u);
    await refused('', 'web:/tmp', /invalid value "" for cp/u);
    await refused('web:', 'elsewhere', /invalid value "web:" for cp/u);
    await refused('tree', 'web:', /invalid value "web:" for cp/u);
    await refused('tree', 'elsewhere', /invalid value "tree elsewhere" for cp/u);
    await inside('mkdir -p /tmp/in-the-way/a');
    await refused('tree/a', 'web:/etc/hosts', /EBUSY\n {2}fix: something is mounted there/u);
    await refused('tree/.', 'web:/tmp/in-the-way', /is no directory, but there is one in its place/u);
  });

  it('writes an archive to stdout and takes one from stdin, owners included', { skip: noIds }, async () => {
    await inside('mkdir -p /srv/owned; echo x >/srv/owned/x; chown 7:8 /srv/owned/x');
    const archive = await box.hutch(['cp', 'web:/srv/owned', '-']);
    const { stdout } = spawnSync('tar', ['--numeric-owner', '-tvf', '-'], { input: archive.stdout, encoding: 'utf8' });
    assert.match(stdout, /^drwxr-xr-x 0\/0 .* owned\/\n-rw-r--r-- 7\/8 .* owned\/x\n$/u);
    const tar = buildTar([
      { name: 'fresh/', flag: '5', mode: 0o750, uid: 3, gid: 4 },
      { name: 'fresh/file', content: 'from tar', mode: 0o600, uid: 3, gid: 4 },
    ]);
    printed(await box.hutch(['cp', '-', 'web:/srv'], { input: tar }));
    assert.equal(
      await inside('stat -c "%n %a %u:%g" /srv/fresh /srv/fresh/file; cat /srv/fresh/file'),
      '/srv/fresh 750 3:4\n/srv/fresh/file 600 3:4\nfrom tar',
    );
    assertRefused(await box.hutch(['cp', '-', 'web:/no/such'], { input: tar }), /\/no\/such is no directory/u);
  });

  it('keeps owners with -a', { skip: noIds }, async () => {
    await cp('-a', 'web:/srv/owned', 'owned');
    await cp('-a', 'owned', 'web:/srv/back');
    assert.equal(await inside('stat -c "%u:%g" /srv/back/x /srv/back'), '7:8\n0:0\n');
  });

  it('copies between containers', async () => {
    const other = await startContainer(box, 'other', [BUSYBOX, 'sleep', '1000']);
    await cp('web:/srv/dir', 'other:/srv');
    const seen = printed(await other.exec([], 'cat', '/srv/file'));
    await other.end();
    assert.equal(seen, 'out\n');
  });

  it('copies ten thousand files and a large one', async () => {
    await inside(
      'mkdir -p /srv/many; cd /srv/many; for i in $(seq 10000); do echo $i >$i; done; head -c 50000000 /dev/zero >large',
    );
    await cp('web:/srv/many', 'many');
    assert.equal(readdirSync(at('many')).length, 10_001);
    assert.equal(lstatSync(at('many/large')).size, 50_000_000);
  });

  it('copies out of a container that has ended, through its links', async () => {
    const script = 'mkdir /kept; echo 1 >/kept/1; ln -s /kept /way; rm /bin/wc; echo changed >/etc/passwd';
    printed(await box.hutch(['run', '--net', 'none', '--name', 'over', BUSYBOX, 'sh', '-c', script]));
    await cp('over:/way/.', 'kept');
    await cp('over:/way', 'way');
    await cp('over:/etc/passwd', 'changed');
    await cp('over:/bin/busybox', 'busybox');
    assert.deepEqual(readdirSync(at('kept')), ['1']);
    assert.equal(readlinkSync(at('way')), '/kept');
    assert.equal(readFileSync(at('changed'), 'utf8'), 'changed\n');
    assert.ok(lstatSync(at('busybox')).size > 100_000);
    assertRefused(await box.hutch(['cp', 'over:/bin/wc', '.']), /there is no \/bin\/wc to copy/u);
    assert.equal((await box.hutch(['rm', 'over'])).code, 0);
  });

  for (const driver of ROOTFS_DRIVERS)
    it(`copies into a container that does not run, with ${driver}`, async (test) => {
      const probe = await probeRootfsDriver(driver, { root: box.data, run: box.run });
      if (!probe.ok) {
        test.skip(probe.reason);
        return;
      }
      const script = 'cat /etc/a; ls -l /tmp/tree/link; test -u /bin/set; rm /bin/wc; mkdir -p /srv; ln -s /srv /way';
      const flags = ['--net', 'none', '--storage-driver', driver, '--rm'];
      // It is made with --rm, and only its own end removes it.
      printed(await box.hutch(['create', '--name', 'still', ...flags, BUSYBOX, 'sh', '-c', script]));
      await cp('tree/a', 'still:/etc');
      await cp('tree', 'still:/tmp');
      const tar = buildTar([{ name: 'set', content: '', mode: 0o4755 }]);
      printed(await box.hutch(['cp', '-', 'still:/bin'], { input: tar }));
      assertRefused(await box.hutch(['cp', 'tree/a', 'still:/no/such']), /there is no directory \/no/u);
      const started = await box.hutch(['start', '-a', 'still']);
      assert.match(started.stdout, /^content of a[^]*link -> a\n$/u);
      assert.equal(started.code, 0);
      printed(
        await box.hutch([
          'run',
          '--name',
          'still',
          ...flags.slice(0, -1),
          BUSYBOX,
          'sh',
          '-c',
          'rm /bin/wc; mkdir -p /srv; ln -s /srv /way',
        ]),
      );
      // Where a link of the container leads, and where a layer has what it has removed.
      await cp('tree/a', 'still:/way');
      await cp('tree/a', 'still:/bin/wc');
      await cp('still:/srv/a', `back-${driver}`);
      assert.equal(readFileSync(at(`back-${driver}`), 'utf8'), 'content of a');
      assert.match(printed(await box.hutch(['diff', 'still'])), /^C \/bin\/wc$/mu);
      assert.equal((await box.hutch(['rm', 'still'])).code, 0);
    });

  it('leads nowhere on the host by a link of a container that does not run', async () => {
    mkdirSync(at('target'));
    const links = `mkdir -p ${at('target')}; ln -s ${at('target')} /abs; ln -s ../../../../../../../../../../..${at('target')} /rel`;
    printed(await box.hutch(['run', '--net', 'none', '--name', 'trap', BUSYBOX, 'sh', '-c', links]));
    for (const link of ['abs', 'rel']) {
      await box.hutch(['cp', 'tree/a', `trap:/${link}`]);
      await box.hutch(['cp', 'tree/a', `trap:/${link}/a`]);
      await box.hutch(['cp', 'tree', `trap:/${link}`]);
    }
    assert.deepEqual(readdirSync(at('target')), []);
    // A path on the host would lead there.
    const written = readdirSync(path.join(box.data, 'containers')).map((id) =>
      path.join(box.data, 'containers', id, 'upper/abs'),
    );
    const link = written.find((one) => lstatSync(one, { throwIfNoEntry: false })?.isSymbolicLink() === true);
    if (link !== undefined) copyFileSync(at('tree/a'), path.join(link, 'a'));
    assert.deepEqual(readdirSync(at('target')), ['a']);
    assert.equal((await box.hutch(['rm', 'trap'])).code, 0);
  });

  it('keeps others from starting a container that it copies into, and no longer when it is killed', async () => {
    const made = printed(await box.hutch(['create', '--rm', '--net', 'none', '--name', 'held', BUSYBOX, 'true']));
    const entry = path.join(box.run, 'running', made.trim());
    const child = box.start(['cp', '-', 'held:/tmp']);
    await eventually(() => lstatSync(entry, { throwIfNoEntry: false }));
    assertRefused(
      await box.hutch(['cp', 'tree/a', 'held:/tmp']),
      /"held" is being started or removed, or copied into/u,
    );
    assertRefused(await box.hutch(['start', 'held']), /is running, or being started/u);
    child.kill('SIGKILL');
    await once(child, 'exit');
    printed(await box.hutch(['run', '--rm', '--net', 'none', BUSYBOX, 'true']));
    assert.equal((await box.hutch(['start', '-a', 'held'])).code, 0);
  });

  it('leaves nothing running when it is killed', async () => {
    const child = box.start(['cp', 'web:/srv/many', 'half']);
    await new Promise((resolve) => setTimeout(resolve, 250));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
  });
});
