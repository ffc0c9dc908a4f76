/** `hutch container prune`, `system prune`, `system reset` and `port`: what goes, and above all what stays. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { idOf, recordOf, storeContainer, storeIn } from '../helpers/stored-containers.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { remaining } from './processes.ts';
import { assertRefused, BUSYBOX, containerTraces, hostSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';

const skip = hostSkip() || busyboxSkip();
const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();

describe('pruning', { skip }, () => {
  const box = makeSandbox();
  const names = async (): Promise<string[]> =>
    printed(await box.hutch(['ps', '-a', '--sort', 'names', '--format', '{{.Names}}']))
      .split('\n')
      .filter(Boolean);
  const images = async (): Promise<string> =>
    printed(await box.hutch(['images', '--format', '{{.Repository}}:{{.Tag}}'])).trim();

  before(async () => {
    await importBusybox(box);
    const store = storeIn(box.data, box.run);
    const put = (number: number, name: string, hours: number, labels = {}): Promise<void> =>
      storeContainer(store, recordOf(idOf(number), { name, createdAt: hoursAgo(hours), labels }), { status: 'exited' });
    await put(1, 'old', 48);
    await put(2, 'older-kept', 72, { keep: 'yes' });
    await put(3, 'new', 1);
    printed(await box.hutch(['run', '-d', '--name', 'up', '--net', 'none', BUSYBOX, 'sleep', '1000']));
    printed(await box.hutch(['create', '--name', 'made', '--net', 'none', BUSYBOX, 'true']));
  });

  it('asks first, and removes nothing without a yes', async () => {
    for (const command of [
      ['container', 'prune'],
      ['system', 'prune'],
      ['system', 'reset'],
    ]) {
      const { code, stdout, stderr } = await box.hutch(command, { input: 'no\n' });
      assert.deepEqual([code, stdout], [0, '']);
      assert.match(stderr, /^This removes all containers.* Go ahead\? \[y\/N\] $/u);
    }
    assert.deepEqual(await names(), ['made', 'new', 'old', 'older-kept', 'up']);
  });

  it('takes containers by age and label, and prints their ids', async () => {
    const flags = ['--filter', 'until=24h', '--filter', 'label!=keep'];
    assert.match(
      printed(await box.hutch(['container', 'prune', '-f', ...flags])),
      new RegExp(`^Deleted Containers:\n${idOf(1)}\n\nTotal reclaimed space: \\d\\S*B\n$`, 'u'),
    );
    assert.deepEqual(await names(), ['made', 'new', 'older-kept', 'up']);
    assertRefused(await box.hutch(['container', 'prune', '-f', '--filter', 'name=x']), /^hutch: --filter "name=x"/u);
  });

  it('takes all that do not run, also those never started, and nothing of those that run', async () => {
    assert.match(
      printed(await box.hutch(['container', 'prune', '-f'])),
      /^Deleted Containers:\n(?:[0-9a-f]{64}\n){3}/u,
    );
    assert.deepEqual(await names(), ['up']);
    assert.match(printed(await box.hutch(['container', 'prune', '-f'])), /^Total reclaimed space: 0B\n$/u);
  });

  it('keeps the image of a container that runs; system prune -a takes it once that has ended', async () => {
    printed(await box.hutch(['system', 'prune', '-f']));
    printed(await box.hutch(['system', 'prune', '-af']));
    assert.deepEqual([await names(), await images()], [['up'], BUSYBOX]);
    printed(await box.hutch(['stop', '-t', '0', 'up']));
    const said = printed(await box.hutch(['system', 'prune', '-af', '--volumes']));
    assert.match(said, /^Deleted Containers:\n[0-9a-f]{64}\n\nDeleted Images:\nuntagged: box:test\ndeleted: sha256:/u);
    assert.match(said, /\nTotal reclaimed space: \d+(?:\.\d+)?MB\n$/u);
    assert.deepEqual([await names(), await images(), await remaining()], [[], '', '']);
    assert.deepEqual(containerTraces(box), []);
  });

  it('beside runs that begin takes none of them', async () => {
    await importBusybox(box);
    const runs = Array.from({ length: 6 }, (_, number) =>
      box.hutch(['run', '--rm', '--name', `r${String(number)}`, '--net', 'none', BUSYBOX, 'echo', 'ran']),
    );
    const work = { isOver: false };
    const all = Promise.all(runs).finally(() => (work.isOver = true));
    while (!work.isOver) printed(await box.hutch(['container', 'prune', '-f']));
    for (const outcome of await all) assert.equal(printed(outcome), 'ran\n');
  });
});

describe('hutch system reset', { skip }, () => {
  const box = makeSandbox();

  it('refuses while a container runs; with -f it ends it, and all that hutch kept is gone', async () => {
    await importBusybox(box);
    const script = 'mkdir -p d && chmod 0 d; chown 33:33 /tmp; sleep 1000';
    printed(await box.hutch(['run', '-d', '--name', 'up', '--net', 'none', BUSYBOX, 'sh', '-c', script]));
    const refused = await box.hutch(['system', 'reset'], { input: 'y\n' });
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, / \[y\/N\] hutch: containers are running: up\n {2}fix: /u);
    printed(await box.hutch(['inspect', '-f', 'x', 'up']));
    printed(await box.hutch(['system', 'reset', '-f']));
    assert.equal(await remaining(), '');
    assert.deepEqual([existsSync(box.data), existsSync(box.run)], [false, false]);
    const nothing = await box.hutch(['system', 'reset', '-f']);
    assert.deepEqual([nothing.code, nothing.stderr], [0, 'There is nothing to reset.\n']);
    assert.equal(printed(await box.hutch(['run', '--rm', '--net', 'none', 'host', 'echo', 'anew'])), 'anew\n');
  });

  it('clears no directory without the marker, and none in which others keep something', async () => {
    await importBusybox(box);
    const letter = path.join(box.data, 'letter.txt');
    writeFileSync(letter, 'mine');
    assertRefused(await box.hutch(['system', 'reset', '-f']), /holds what hutch did not make: letter\.txt\n/u);
    rmSync(path.join(box.data, '.hutch-directory'));
    assertRefused(await box.hutch(['system', 'reset', '-f']), /does not bear hutch's marker/u);
    assert.ok(existsSync(letter) && readdirSync(path.join(box.data, 'layers')).length > 0);
    writeFileSync(path.join(box.data, '.hutch-directory'), 'hutch\n');
    rmSync(letter);
  });

  it('follows no link out of its directory', async () => {
    const outside = path.join(box.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'file'), 'mine');
    symlinkSync(outside, path.join(box.data, 'volumes'));
    symlinkSync(outside, path.join(box.data, 'staging/link'));
    const closed = path.join(box.data, 'containers/closed');
    mkdirSync(closed);
    symlinkSync(outside, path.join(closed, 'link'));
    chmodSync(closed, 0);
    printed(await box.hutch(['system', 'reset', '-f']));
    assert.deepEqual([existsSync(box.data), readdirSync(outside)], [false, ['file']]);
  });
});

describe('hutch port', { skip }, () => {
  const box = makeSandbox();

  it('prints nothing, as nothing is published, and knows which containers there are', async () => {
    printed(await box.hutch(['create', '--name', 'web', '--net', 'none', 'host', 'true']));
    assert.equal(printed(await box.hutch(['port', 'web'])), '');
    assertRefused(
      await box.hutch(['port', 'web', '80']),
      /no port of the host leads to port 80\/tcp of container "web"/u,
    );
    assertRefused(await box.hutch(['port', 'web', 'http']), /^hutch: invalid value "http" for PORT/u);
    assertRefused(await box.hutch(['port', 'nobody']), /^hutch: there is no container "nobody"/u);
    printed(await box.hutch(['rm', 'web']));
  });
});
