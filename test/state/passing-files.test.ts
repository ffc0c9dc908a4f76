/** What a killed hutch leaves in the run directory. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { passingFile, sweepPassing } from '../../src/state/passing-files.ts';
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

test('passingFile() reads kind and maker, and takes nothing else for passing', () => {
  assert.deepEqual(passingFile('probes.json.17.tmp'), { kind: 'half', pid: 17 });
  assert.deepEqual(passingFile('claim.17'), { kind: 'draft', pid: 17 });
  assert.deepEqual(passingFile('slirp.17'), { kind: 'control', pid: 17 });
  const others = [
    '',
    'claim',
    'claim.',
    'claim.x',
    'claim.1e3',
    'claim.0',
    'claim.17.18',
    '17.tmp',
    'a.-1.tmp',
    'a.17',
  ];
  assert.deepEqual(
    others.filter((name) => passingFile(name) !== undefined),
    [],
  );
});
