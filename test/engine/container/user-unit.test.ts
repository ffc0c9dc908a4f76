/** The unit that starts a container. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { unitName, unitText, type UnitInput } from '../../../src/engine/container/user-unit.ts';
import { findTool } from '../../../src/host/run-tool.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'hutch-unit-'));
after(() => rmSync(scratch, { recursive: true }));

const INPUT: UnitInput = {
  id: 'abc123',
  name: 'web.1',
  program: '/usr/bin/true',
  environment: { HUTCH_DATA: '/data of "mine"/100%$HOME' },
  stopTimeoutSeconds: 10,
  isSystem: false,
};

test('unitText starts and stops the container by its id, and takes odd paths literally', () => {
  const text = unitText({ ...INPUT, program: '/opt/a b/$x/hutch' });
  assert.match(text, /^ExecStart="\/opt\/a b\/\$\$x\/hutch" start abc123$/mu);
  assert.match(text, /^ExecStop="\/opt\/a b\/\$\$x\/hutch" stop abc123$/mu);
  assert.match(text, /^Environment="HUTCH_DATA=\/data of \\"mine\\"\/100%%\$HOME"$/mu);
  assert.match(text, /^TimeoutStopSec=40$/mu);
  assert.match(text, /^WantedBy=default\.target$/mu);
  assert.match(unitText({ ...INPUT, stopTimeoutSeconds: -1 }), /^TimeoutStopSec=infinity$/mu);
  assert.match(unitText({ ...INPUT, isSystem: true }), /^WantedBy=multi-user\.target$/mu);
});

test('systemd reads the unit', { skip: findTool('systemd-analyze') === undefined && 'needs systemd-analyze' }, () => {
  const verify = (text: string): string => {
    const file = path.join(scratch, unitName(INPUT.name));
    writeFileSync(file, text);
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', '--user', file], {
      encoding: 'utf8',
    });
    return `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line.includes(unitName(INPUT.name)))
      .join('\n');
  };
  assert.equal(verify(unitText(INPUT)), '');
  assert.match(verify(unitText(INPUT).replace('oneshot', 'nonsense')), /nonsense/u, 'it is read indeed');
});
