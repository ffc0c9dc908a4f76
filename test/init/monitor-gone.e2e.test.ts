/** Init, whose monitor has gone before it is told anything: as when the user of `exec` types the detach keys at once. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { it } from 'node:test';

const DIST = path.join(import.meta.dirname, '../../dist');
const NO_PLAN = 125;

it('goes on to listen when nobody hears what it says', async () => {
  const argv = ['--disable-sigusr1', '--no-warnings', '--no-rehash-snapshot', path.join(DIST, 'init.cjs')];
  const child = spawn(path.join(DIST, 'node'), argv, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  const [listens, says] = [child.stdio[3] as Duplex, child.stdio[4] as Duplex];
  // It has not booted yet.
  says.destroy();
  await once(says, 'close');
  let words = '';
  child.stderr?.on('data', (bytes: Buffer) => (words += bytes.toString()));
  listens.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, words], [NO_PLAN, '']);
});
