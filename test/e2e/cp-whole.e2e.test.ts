/** A copy that is stopped half-way: what is to be replaced stays what it was, and nothing of the new one is left. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { probeRootfsDriver } from '../../src/drivers/rootfs/probe.ts';
import { buildTar } from '../helpers/tar-builder.ts';
import { busyboxSkip } from './busybox-archive.ts';
import { descendants, eventually } from './processes.ts';
import { startContainer, type Running } from './running.ts';
import { BUSYBOX, hostSkip, importBusybox, makeSandbox, outcomeOf, printed, type Child } from './sandbox.ts';

const SIZE = 2_000_000;
const SIGNALS = ['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Signal = (typeof SIGNALS)[number];

describe('a copy that is stopped half-way', { skip: hostSkip() === false ? busyboxSkip() : hostSkip() }, () => {
  let container: Running;
  after(() => container.end());
  const box = makeSandbox();
  const upper = (id: string, ...names: readonly string[]): string =>
    path.join(box.data, 'containers', id, 'upper', ...names);
  before(async () => {
    await importBusybox(box);
    container = await startContainer(box, 'web', [BUSYBOX, 'sleep', '1000']);
  });

  const start = (...words: readonly string[]): Child => box.start(['cp', ...words], { wrapper: ['setsid'] });
  /** As a terminal does it, to all of the group; SIGKILL to the command alone. */
  const send = (child: Child, signal: Signal): void => {
    assert.ok(child.pid !== undefined);
    process.kill(signal === 'SIGKILL' ? child.pid : -child.pid, signal);
  };

  const oldFile = (): Promise<unknown> =>
    box.hutch(['cp', '-', 'web:/srv'], { input: buildTar([{ name: 'file', content: 'old' }]) });

  /** Sends the first half of a large file, in the place of an old one, and ends hutch when it is there. */
  const stopHalfWay = async (child: Child, directory: string, signal: Signal): Promise<void> => {
    const tar = buildTar([{ name: 'file', content: Buffer.alloc(SIZE, 'n') }]);
    child.stdin.on('error', () => undefined).write(tar.subarray(0, SIZE / 2));
    const half = await eventually(() => readdirSync(directory).find((name) => name.startsWith('.hutch-copy-')));
    assert.ok(half !== undefined, 'the new one is beside the old one');
    assert.equal(readFileSync(path.join(directory, 'file'), 'utf8'), 'old');
    const closed = once(child, 'close');
    send(child, signal);
    const [code] = (await closed) as [number | null];
    assert.equal(code, { SIGKILL: null, SIGHUP: null, SIGINT: 130, SIGTERM: 143 }[signal]);
    await eventually(() => (readdirSync(directory).length === 1 ? true : undefined));
    assert.deepEqual(readdirSync(directory), ['file']);
    assert.equal(readFileSync(path.join(directory, 'file'), 'utf8'), 'old');
  };

  for (const signal of SIGNALS) {
    it(`leaves the old file in a container that runs (${signal})`, async () => {
      printed(await container.exec([], 'mkdir', '-p', '/srv'));
      await oldFile();
      await stopHalfWay(start('-', 'web:/srv'), `/proc/${String(container.pid)}/root/srv`, signal);
    });
  }

  const ways = [
    ...SIGNALS.map((signal) => ['overlay', signal] as const),
    ['fuse-overlayfs', 'SIGKILL'],
    ['vfs', 'SIGKILL'],
  ] as const;
  for (const [driver, signal] of ways)
    it(`leaves the old file in a container that does not run (${driver}, ${signal})`, async (test) => {
      const probe = await probeRootfsDriver(driver, { root: box.data, run: box.run });
      if (!probe.ok) {
        test.skip(probe.reason);
        return;
      }
      const flags = ['--net', 'none', '--storage-driver', driver, '--name', 'still'];
      const id = printed(await box.hutch(['create', ...flags, BUSYBOX, 'cat', '/srv/file'])).trim();
      mkdirSync(upper(id, 'srv'), { recursive: true });
      writeFileSync(upper(id, 'srv/file'), 'old');
      await stopHalfWay(start('-', 'still:/srv'), upper(id, 'srv'), signal);
      assert.equal(printed(await box.hutch(['start', '-a', 'still'])), 'old');
      // It can be copied into again, and then the new one is there.
      const tar = buildTar([{ name: 'file', content: 'new' }]);
      printed(await box.hutch(['cp', '-', 'still:/srv'], { input: tar }));
      assert.equal(printed(await box.hutch(['start', '-a', 'still'])), 'new');
      printed(await box.hutch(['rm', 'still']));
    });

  /** Copies to a file of the host and sends `signal` when the new one begins to grow; false when it was too late. */
  const stopOnHost = async (directory: string, signal: Signal): Promise<boolean> => {
    writeFileSync(path.join(directory, 'file'), 'old');
    const watcher = watch(directory);
    const child = start('web:/srv/large', path.join(directory, 'file'));
    const ended = outcomeOf(child);
    watcher.once('change', () => send(child, signal));
    const { code } = await ended;
    watcher.close();
    return code !== 0;
  };

  it('leaves the old file on the host', async () => {
    printed(await container.exec([], 'sh', '-c', 'head -c 100000000 /dev/zero | tr "\\0" x >/srv/large'));
    for (const signal of SIGNALS) {
      const directory = path.join(box.directory, signal);
      mkdirSync(directory);
      let rounds = 0;
      while (!(await stopOnHost(directory, signal))) assert.ok((rounds += 1) < 10, 'it was always too late');
      await eventually(() => (readdirSync(directory).length === 1 ? true : undefined));
      assert.deepEqual(readdirSync(directory), ['file']);
      assert.equal(readFileSync(path.join(directory, 'file'), 'utf8'), 'old');
    }
  });

  it('leaves the old file when who reads the new one is killed', async () => {
    const directory = path.join(box.directory, 'killed');
    mkdirSync(directory);
    for (let rounds = 0; ; rounds += 1) {
      assert.ok(rounds < 10, 'it was always too late');
      writeFileSync(path.join(directory, 'file'), 'old');
      const watcher = watch(directory);
      const child = box.start(['cp', 'web:/srv/large', path.join(directory, 'file')]);
      const ended = outcomeOf(child);
      await once(watcher, 'change');
      watcher.close();
      const reader = descendants(child.pid).find(({ command }) => command.includes('send.cjs'));
      if (reader !== undefined) process.kill(reader.pid, 'SIGKILL');
      const { code, stderr } = await ended;
      if (code === 0) continue;
      assert.match(stderr, /send/u);
      break;
    }
    assert.deepEqual(readdirSync(directory), ['file']);
    assert.equal(readFileSync(path.join(directory, 'file'), 'utf8'), 'old');
  });

  it('leaves the old file when the archive is cut short', async () => {
    await oldFile();
    const tar = buildTar([{ name: 'file', content: Buffer.alloc(SIZE, 'n') }]);
    const cut = await box.hutch(['cp', '-', 'web:/srv'], { input: tar.subarray(0, SIZE / 2) });
    assert.match(cut.stderr, /cut short/u);
    assert.equal(printed(await container.exec([], 'cat', '/srv/file')), 'old');
    assert.doesNotMatch(printed(await container.exec([], 'ls', '-a', '/srv')), /hutch-copy/u);
    // The control: the whole of it replaces the file.
    printed(await box.hutch(['cp', '-', 'web:/srv'], { input: tar }));
    assert.equal(printed(await container.exec([], 'stat', '-c', '%s', '/srv/file')).trim(), String(SIZE));
  });

  it('replaces links, pipes and names of one file like files', async () => {
    const tar = buildTar([
      { name: 'one', content: 'one' },
      { name: 'two', flag: '1', linkName: 'one' },
      { name: 'way', flag: '2', linkName: 'one' },
      { name: 'pipe', flag: '6' },
    ]);
    printed(await container.exec([], 'mkdir', '-p', '/srv/kinds'));
    for (let round = 0; round < 2; round += 1) printed(await box.hutch(['cp', '-', 'web:/srv/kinds'], { input: tar }));
    // Only the names, which are the same file already.
    const names = buildTar([{ name: 'two', flag: '1', linkName: 'one' }]);
    printed(await box.hutch(['cp', '-', 'web:/srv/kinds'], { input: names }));
    const list = 'cd /srv/kinds; ls -A; cat two way; test -p pipe; echo $?; stat -c %h one';
    assert.equal(printed(await container.exec([], 'sh', '-c', list)), 'one\npipe\ntwo\nway\noneone0\n2\n');
  });
});
