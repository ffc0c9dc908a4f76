/** Flags of docker's and podman's that scripts use: what each does, seen from within, and what is refused. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('--mount', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const data = path.join(box.directory, 'a,b');
  mkdirSync(data);

  it('binds a directory, quoted for its comma, read-only when that is asked for', async () => {
    const flag = (more: string): string => `type=bind,"src=${data}",target=/mnt${more}`;
    const script = 'echo x >/mnt/new && cat /mnt/new';
    assert.equal(printed(await box.inHost(script, '--mount', flag(''))), 'x\n');
    const refused = await box.inHost(script, '--mount', flag(',readonly'));
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /Read-only/u);
  });

  it('mounts a tmpfs of a size, beside another mount', async () => {
    const flags = ['--mount', 'type=tmpfs,dst=/mnt,tmpfs-size=1m,tmpfs-mode=700', '--mount', 'type=tmpfs,dst=/media'];
    const script = 'stat -c %a /mnt /media; stat -f -c %T /mnt; head -c 2000000 /dev/zero >/mnt/big';
    const outcome = await box.inHost(script, ...flags);
    assert.equal(outcome.stdout, '700\n1777\ntmpfs\n');
    assert.match(outcome.stderr, /No space left/u);
  });

  it('refuses what it cannot do with what there is instead', async () => {
    assertRefused(await box.inHost('true', '--mount', 'type=volume,src=x,dst=/x'), /type=volume cannot be had/u);
    assertRefused(await box.inHost('true', '--mount', 'type=bind,src=/nowhere,dst=/x'), /\/nowhere does not exist/u);
    assertRefused(
      await box.inHost('true', '--tmpfs', '/mnt', '--mount', 'type=tmpfs,dst=/mnt'),
      /"\/mnt" for -v, --tmpfs or --mount/u,
    );
  });
});
