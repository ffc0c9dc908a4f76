/** `hutch cp` with a container of the image `host` that does not run, whose root is many mounts. */

import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { probeRootfsDriver } from '../../src/drivers/rootfs/probe.ts';
import { hostMounts, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('hutch cp and a container of the image host that does not run', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const at = (...names: readonly string[]): string => path.join(box.directory, ...names);
  const cp = async (...words: readonly string[]): Promise<string> => printed(await box.hutch(['cp', ...words]));
  const read = async (source: string): Promise<string> => {
    await cp(source, at('read'));
    return readFileSync(at('read'), 'utf8');
  };
  const refusal = async (...words: readonly string[]): Promise<string> => {
    const { code, stderr } = await box.hutch(['cp', ...words]);
    assert.equal(code, 125);
    return stderr;
  };
  before(() => {
    writeFileSync(at('in'), 'of the host');
    mkdirSync(at('target'));
    writeFileSync(at('target/secret'), 'of the user');
  });

  it('reads what it has written and removed, and what the host has below; the container starts again', async () => {
    const script =
      'mkdir -p /home/d; echo own >/home/d/f; echo new >/etc/mine; rm -f /etc/passwd; ln -sf /etc/mine /link';
    printed(await box.hutch(['run', '--name', 'old', '--net', 'none', 'host', 'sh', '-c', script]));
    assert.equal(await read('old:/etc/mine'), 'new\n');
    assert.match(await refusal('old:/etc/passwd', at('none')), /there is no \/etc\/passwd to copy/u);
    await cp('-L', 'old:/link', at('followed'));
    assert.equal(readFileSync(at('followed'), 'utf8'), 'new\n');
    await cp('old:/home/d', at('tree'));
    assert.deepEqual(readdirSync(at('tree')), ['f']);
    assert.equal(await read('old:/usr/bin/env'), readFileSync('/usr/bin/env', 'utf8'));
    assert.match(printed(await box.hutch(['cp', 'old:/home/d/f', '-'])), /own/u);
    assert.equal((await box.hutch(['start', '-a', 'old'])).code, 0);
  });

  it('writes into it, also before its first start, and the container finds it', async () => {
    const script = 'cat /etc/in /root/in /tmp/in; test -L /bin';
    printed(await box.hutch(['create', '--name', 'new', '--net', 'none', 'host', 'sh', '-c', script]));
    for (const place of ['/etc', '/root/', '/bin/../tmp/.', '/in']) await cp(at('in'), `new:${place}`).catch(() => '');
    await cp(at('in'), 'new:/tmp/in');
    assert.equal(await read('new:/root/in'), 'of the host');
    await cp('new:/etc/in', 'old:/etc/from-new');
    assert.equal(await read('old:/etc/from-new'), 'of the host');
    const started = await box.hutch(['start', '-a', 'new']);
    assert.deepEqual([started.code, started.stdout], [0, 'of the host'.repeat(3)], started.stderr);
    assert.match(await refusal(at('in'), 'new:/usr/bin/in'), /EACCES/u);
    assert.ok(!existsSync('/etc/in') && !existsSync('/tmp/from-new'));
    assert.deepEqual(hostMounts(box), []);
  });

  it('leads nowhere on the host by a link, neither one below nor one in the place of a directory of the host', async () => {
    const script = `ln -s ${at('target')} /abs; ln -s ${at('target')} /control; ln -s ../../../../../../../../..${at('target')} /home/rel`;
    const id = printed(
      await box.hutch(['create', '--name', 'trap', '--net', 'none', 'host', 'sh', '-c', script]),
    ).trim();
    printed(await box.hutch(['start', '-a', 'trap']));
    for (const link of ['abs', 'home/rel']) {
      await box.hutch(['cp', at('in'), `trap:/${link}`]);
      await box.hutch(['cp', at('in'), `trap:/${link}/in`]);
      assert.match(await refusal(`trap:/${link}/secret`, at('leak')), /^hutch: there is no /u);
    }
    const upper = path.join(box.data, 'containers', id, 'upper');
    // What a privileged container can leave.
    rmSync(path.join(upper, 'etc'), { recursive: true });
    symlinkSync(at('target'), path.join(upper, 'etc'));
    assert.match(await refusal(at('in'), 'trap:/etc/in'), /is no directory any more/u);
    assert.match(await refusal('trap:/etc/secret', at('leak')), /is no directory any more/u);
    assert.deepEqual([readdirSync(at('target')), existsSync(at('leak'))], [['secret'], false]);
    // The control: by their paths on the host these links do lead there.
    assert.equal(readFileSync(path.join(upper, 'etc/secret'), 'utf8'), 'of the user');
    copyFileSync(at('in'), path.join(upper, 'control/in'));
    assert.ok(existsSync(at('target/in')));
    printed(await box.hutch(['rm', 'trap', 'old', 'new']));
  });

  it('goes both ways with fuse-overlayfs, and refuses to write where nothing would remain', async (test) => {
    const probe = await probeRootfsDriver('fuse-overlayfs', { root: box.data, run: box.run });
    if (!probe.ok) {
      test.skip(probe.reason);
      return;
    }
    const script = 'test ! -e /opt/in || exec cat /opt/in; echo own >/etc/mine';
    const flags = ['--storage-driver', 'fuse-overlayfs', '--net', 'none', 'host', 'sh', '-c', script];
    printed(await box.hutch(['run', '--name', 'fuse', ...flags]));
    assert.equal(await read('fuse:/etc/mine'), 'own\n');
    await cp('fuse:/home', at('copied'));
    assert.deepEqual(readdirSync(at('copied')), [], 'of the host there is nothing');
    await cp(at('in'), 'fuse:/opt/in');
    assert.match(await refusal(at('in'), 'fuse:/home/in'), /EROFS/u);
    assert.equal(printed(await box.hutch(['start', '-a', 'fuse'])), 'of the host');
    printed(await box.hutch(['rm', 'fuse']));
  });
});
