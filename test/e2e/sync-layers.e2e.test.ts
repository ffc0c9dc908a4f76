/** Unpacked layers are on the disk before anybody can see them. */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { registrySkip, startRegistry } from '../helpers/docker-registry.ts';
import { busyboxArchive, busyboxSkip } from './busybox-archive.ts';
import { assertRefused, containerTraces, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('storing an image', { skip: hostSkip() || busyboxSkip() }, () => {
  const box = makeSandbox();
  const archive = box.file('box.tar', busyboxArchive());
  const log = path.join(box.directory, 'log');
  mkdirSync(path.join(box.directory, 'bin'));
  // It tells how many layers are to be seen when it is called, then does what it is for, or not.
  const script = `#!/bin/sh
echo "$1 $2 $(ls "$2" | grep -c '^sha256-')" >>${log}
[ -z "$SYNC_FAILS" ] || { echo "sync: error syncing '$2': $SYNC_FAILS" >&2; exit 1; }
exec /usr/bin/sync "$@"
`;
  chmodSync(box.file('bin/sync', script), 0o755);
  const env = { PATH: `${path.join(box.directory, 'bin')}:${box.env['PATH'] ?? ''}` };
  const layers = path.join(box.data, 'layers');
  const calls = (): string => (existsSync(log) ? readFileSync(log, 'utf8') : '');

  it('syncs the file system of the store while its layers are still hidden', async () => {
    printed(await box.hutch(['image', 'import', '-q', archive, 'one:1'], { env }));
    assert.equal(calls(), `--file-system ${layers} 0\n`);
  });

  it('syncs each layer of a pull by itself, once, while all are hidden', { skip: registrySkip() }, async () => {
    const target = `${(await startRegistry()).host}/team/two:1`;
    printed(await box.hutch(['run', '--name', 'changed', '--net', 'none', 'one:1', 'touch', '/new'], { env }));
    printed(await box.hutch(['commit', '-q', 'changed', 'two:2'], { env }));
    printed(await box.hutch(['rm', 'changed']));
    printed(await box.hutch(['push', '-q', 'two:2', target]));
    printed(await box.hutch(['rmi', 'two:2']));
    rmSync(log);
    const data = path.join(box.directory, 'second');
    mkdirSync(data, { mode: 0o700 });
    const pulled = await box.hutch(['pull', '-q', target], { env: { ...env, HUTCH_DATA: data } });
    assert.equal(pulled.code, 0, pulled.stderr);
    assert.equal(calls(), `--file-system ${data}/layers 0\n`.repeat(2));
  });

  it('syncs nothing when no layer is new', async () => {
    rmSync(log);
    printed(await box.hutch(['image', 'import', '-q', archive, 'two:1'], { env }));
    assert.equal(calls(), '');
  });

  it('stores nothing when the disk turns out to be full, or broken', async () => {
    printed(await box.hutch(['rmi', 'one:1', 'two:1']));
    for (const [error, message] of [
      ['No space left on device', /^hutch: cannot write .*: ENOSPC\n/u],
      ['Input/output error', /^hutch: cannot sync .*: Input\/output error\n/u],
    ] as const) {
      const outcome = await box.hutch(['image', 'import', '-q', archive, 'one:1'], {
        env: { ...env, SYNC_FAILS: error },
      });
      assertRefused(outcome, message);
      assert.deepEqual(containerTraces(box), []);
    }
    assert.equal(printed(await box.hutch(['images', '-q', '--filter', 'reference=one'])), '');
  });

  it('leaves it to the kernel when the settings say so', async () => {
    mkdirSync(path.join(box.directory, 'home/.config/hutch'), { recursive: true });
    box.file('home/.config/hutch/config.json', '{"syncLayers":"no"}');
    rmSync(log);
    printed(await box.hutch(['image', 'import', '-q', archive, 'one:1'], { env }));
    assert.equal(calls(), '');
  });
});
