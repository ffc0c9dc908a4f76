/** What a killed hutch leaves in the run directory. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { sweepPassing } from '../../src/state/passing-files.ts';
import { locateStore } from '../../src/state/store.ts';

const run = mkdtempSync(path.join(tmpdir(), 'hutch-passing-'));
after(() => rmSync(run, { recursive: true }));

test('sweepPassing() removes what names a dead process, and nothing else', () => {
  const names = (pid: number): string[] => [`claim.${pid}`, `probes.json.${pid}.tmp`];
  const own = [...names(process.pid), 'probes.json', 'claim.x'];
  for (const name of [...own, ...names(4_194_305)]) writeFileSync(path.join(run, name), '');
  sweepPassing(locateStore({ data: run, config: run, run }));
  assert.deepEqual(readdirSync(run).sort(), own.sort());
});
