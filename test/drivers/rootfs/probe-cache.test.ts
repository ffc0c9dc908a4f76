/** What is remembered of driver probes, and what is not. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { readProbeCache, writeProbeCache } from '../../../src/drivers/rootfs/probe-cache.ts';

const base = mkdtempSync(path.join(tmpdir(), 'hutch-probes-'));
after(() => rmSync(base, { recursive: true, force: true }));

test('a failure that is the fault of one store is not held against another on the same file system', () => {
  const run = path.join(base, 'run');
  const [one, other] = ['one', 'other'].map((name) => ({ root: path.join(base, name), run })) as [Places, Places];
  for (const { root } of [one, other]) mkdirSync(root);
  writeProbeCache(one, 'overlay', { ok: true, reason: '' });
  writeProbeCache(one, 'fuse-overlayfs', { ok: false, reason: 'mount: not permitted' });
  writeProbeCache(one, 'vfs', { ok: false, reason: "reach the directory: cd: can't cd to it" });
  assert.deepEqual(readProbeCache(other), {
    overlay: { ok: true, reason: '' },
    'fuse-overlayfs': { ok: false, reason: 'mount: not permitted' },
  });
  assert.deepEqual(readProbeCache({ ...other, run: path.join(base, 'elsewhere') }), {}, 'control');
});

interface Places {
  readonly root: string;
  readonly run: string;
}
