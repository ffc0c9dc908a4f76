/** `hutch cp` with a container that changes links under its hands: CVE-2018-15664, CVE-2019-14271. */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { busyboxSkip } from '../e2e/busybox-archive.ts';
import { eventually } from '../e2e/processes.ts';
import { startContainer, type Running } from '../e2e/running.ts';
import { BUSYBOX, hostSkip, importBusybox, makeSandbox, printed } from '../e2e/sandbox.ts';

describe('a copy', { skip: hostSkip() === false ? busyboxSkip() : hostSkip() }, () => {
  let container: Running;
  after(() => container.end());
  const box = makeSandbox();
  const at = (...names: readonly string[]): string => path.join(box.directory, ...names);
  const inside = async (script: string): Promise<string> => printed(await container.exec([], 'sh', '-c', script));
  before(async () => {
    await importBusybox(box);
    for (const name of ['target', 'empty', 'source']) mkdirSync(at(name));
    writeFileSync(at('target/secret'), 'of the host');
    writeFileSync(at('source/file'), 'copied');
    container = await startContainer(box, 'racer', [BUSYBOX, 'sh', '-c', 'sleep 1000']);
    // A directory and a link to a directory of the host change places all the time.
    const flip = `mkdir -p /r/x; echo own >/r/x/secret; ln -s ${at('target')} /r/l; cd /r; while :; do mv x y; mv l x; busybox usleep 9000; mv x l; mv y x; busybox usleep 9000; done`;
    printed(await container.exec(['-d'], 'sh', '-c', flip));
    await eventually(() => (existsSync(`/proc/${String(container.pid)}/root/r/l`) ? true : undefined), 500);
  });

  it('never reads a file of the host through a link of the container', async () => {
    let links = 0;
    for (let round = 0; round < 20; round += 1) {
      rmSync(at('out'), { recursive: true, force: true });
      const { code } = await box.hutch(['cp', '-L', 'racer:/r/x/secret', 'out']);
      if (code !== 0) links += 1;
      else assert.equal(readFileSync(at('out'), 'utf8'), 'own\n');
    }
    assert.ok(links < 20, 'the directory was never in its place');
  });

  it('never writes to the host through a link of the container', async () => {
    for (let round = 0; round < 12; round += 1) await box.hutch(['cp', 'source/file', 'racer:/r/x/file']);
    assert.deepEqual(readdirSync(at('target')), ['secret']);
    assert.equal(readFileSync(at('target/secret'), 'utf8'), 'of the host');
  });

  it('would do both by a path below /proc/PID/root, which follows such links on the host', async () => {
    await inside(`ln -s ${at('target')} /static`);
    const seen = `/proc/${String(container.pid)}/root/static`;
    assert.equal(readFileSync(path.join(seen, 'secret'), 'utf8'), 'of the host');
    copyFileSync(at('source/file'), path.join(seen, 'file'));
    assert.ok(existsSync(at('target/file')));
    rmSync(at('target/file'));
  });

  it('makes nothing outside of the place on the host that it goes to', async () => {
    await inside(
      `mkdir -p /evil/dir; ln -s ${at('target')} /evil/dir/abs; ln -s ../../../target /evil/dir/rel; echo x >/evil/dir/x`,
    );
    printed(await box.hutch(['cp', 'racer:/evil/dir', 'empty']));
    // Once more over what is there: the links must not be followed now either.
    await inside('cd /evil/dir; rm abs rel; mkdir abs rel; echo evil >abs/evil; echo evil >rel/evil');
    const { code, stderr } = await box.hutch(['cp', 'racer:/evil/dir', 'empty']);
    assert.deepEqual(readdirSync(at('target')), ['secret'], `${String(code)} ${stderr}`);
  });

  it('loads nothing of the container: its libraries are files like any other', async () => {
    await inside(
      'mkdir -p /lib /lib64 /etc; for f in /lib/libnss_files.so.2 /etc/ld.so.preload /lib64/ld-linux-x86-64.so.2; do echo broken >$f; done',
    );
    printed(await box.hutch(['cp', 'racer:/etc/ld.so.preload', 'preload']));
    printed(await box.hutch(['cp', 'source/file', 'racer:/etc/file']));
    assert.equal(readFileSync(at('preload'), 'utf8'), 'broken\n');
    assert.equal(await inside('cat /etc/file'), 'copied');
  });

  it('waits for no pipe', async () => {
    await inside('busybox mkfifo /pipe');
    printed(await box.hutch(['cp', 'racer:/pipe', 'pipe']));
  });
});
