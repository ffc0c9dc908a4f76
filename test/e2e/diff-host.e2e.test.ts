/** `hutch diff` of containers of the image `host`: what they have changed, and nothing that hutch has made for all of them. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { probeRootfsDriver } from '../../src/drivers/rootfs/probe.ts';
import { eventually } from './processes.ts';
import { startContainer } from './running.ts';
import { hostMounts, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('hutch diff of a container of the image host', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const diff = async (name: string): Promise<string[]> =>
    printed(await box.hutch(['diff', name]))
      .split('\n')
      .slice(0, -1);
  const run = async (name: string, script: string, ...flags: readonly string[]): Promise<void> => {
    printed(await box.hutch(['run', '--net', 'none', '--name', name, ...flags, 'host', 'sh', '-c', script]));
  };

  it('shows nothing before the first start, and nothing after one that has changed nothing', async () => {
    printed(await box.hutch(['create', '--name', 'idle', '--net', 'none', 'host', 'true']));
    assert.deepEqual(await diff('idle'), []);
    printed(await box.hutch(['start', '-a', 'idle']));
    assert.deepEqual(await diff('idle'), []);
    // The control: there is something in its directory, which hutch has made.
    const id = readFileSync(path.join(box.data, 'names/idle'), 'utf8');
    assert.ok(
      readFileSync(path.join(box.data, 'containers', id, 'plan.json'), 'utf8').includes('overlay_host_directory'),
    );
  });

  it('shows what was added, changed and removed, in directories of the host and beside them', async () => {
    const script = `mkdir -p /new/deep /usr/local/mine; echo x >/new/deep/x; echo x >/opt/x; echo x >/root/x
      rm /etc/passwd; rm /etc/group; echo other >/etc/group; ln -sfn elsewhere /bin; touch /volume/x`;
    mkdirSync(path.join(box.directory, 'volume'));
    await run('busy', script, '-v', `${box.directory}/volume:/volume`);
    const expected = ['C /bin', 'C /etc', 'C /etc/group', 'D /etc/passwd', 'A /new', 'A /new/deep', 'A /new/deep/x'];
    expected.push('C /opt', 'A /opt/x', 'C /root', 'A /root/x', 'C /usr', 'C /usr/local', 'A /usr/local/mine');
    assert.deepEqual(await diff('busy'), expected);
    const json = JSON.parse(printed(await box.hutch(['diff', '--format', 'json', 'busy']))) as Record<string, string[]>;
    assert.deepEqual(json['deleted'], ['/etc/passwd']);
    assert.deepEqual(hostMounts(box), []);
  });

  it('shows it while the container runs, which goes on', async () => {
    const live = await startContainer(box, 'live', ['host', 'sh', '-c', 'echo x >/etc/x; exec sleep 1000']);
    try {
      await eventually(() => (existsSync(`/proc/${String(live.pid)}/root/etc/x`) ? true : undefined));
      assert.deepEqual(await diff('live'), ['C /etc', 'A /etc/x']);
      assert.equal(printed(await live.exec([], 'cat', '/etc/x')), 'x\n');
    } finally {
      await live.end();
    }
  });

  it('leads nowhere by a link that the container has left in the place of a directory', async () => {
    await run('trap', 'mkdir /kept');
    const id = readFileSync(path.join(box.data, 'names/trap'), 'utf8');
    mkdirSync(path.join(box.directory, 'target'));
    writeFileSync(path.join(box.directory, 'target/secret'), '');
    symlinkSync(path.join(box.directory, 'target'), path.join(box.data, 'containers', id, 'upper/kept/way'));
    assert.deepEqual(await diff('trap'), ['A /kept', 'A /kept/way']);
  });

  it('shows it with fuse-overlayfs', async (test) => {
    const probe = await probeRootfsDriver('fuse-overlayfs', { root: box.data, run: box.run });
    if (!probe.ok) {
      test.skip(probe.reason);
      return;
    }
    await run(
      'fuse',
      'echo x >/opt/x; rm /etc/passwd; chmod 600 /etc/group; echo x >/tmp/gone',
      '--storage-driver',
      'fuse-overlayfs',
    );
    assert.deepEqual(await diff('fuse'), ['C /etc', 'C /etc/group', 'D /etc/passwd', 'C /opt', 'A /opt/x']);
    await run('fuse-idle', 'true', '--storage-driver', 'fuse-overlayfs');
    assert.deepEqual(await diff('fuse-idle'), []);
  });
});
