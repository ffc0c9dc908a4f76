/** `hutch container install` where no systemd runs, and with one that is made up. */

import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { installUnit, uninstallUnit } from '../../src/engine/container/install-unit.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from './sandbox.ts';

describe('container install', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  it('prints the unit, with what hutch needs to find the container', async () => {
    const id = printed(await box.hutch(['create', '--name', 'web', '--stop-timeout', '5', 'host', 'true'])).trim();
    const text = printed(await box.hutch(['container', 'install', '--print', 'web']));
    assert.match(text, new RegExp(`^ExecStart="/.*/dist/hutch" start ${id}$`, 'mu'));
    assert.ok(text.includes(`Environment="HUTCH_DATA=${box.data}"\n`));
    assert.match(text, /^TimeoutStopSec=35$/mu);
  });

  it('refuses what cannot be started again, and says what to do without systemd', async () => {
    printed(await box.hutch(['create', '--rm', '--name', 'brief', 'host', 'true']));
    assertRefused(await box.hutch(['container', 'install', 'brief']), /was made with --rm/u);
    assertRefused(await box.hutch(['container', 'install', 'nobody']), /there is no container "nobody"/u);
    if (existsSync('/run/systemd/system')) return;
    const outcome = await box.hutch(['container', 'install', 'web']);
    assertRefused(outcome, /systemd does not run this host/u);
    assert.match(outcome.stderr, /@reboot HUTCH_DATA='.*' .*\/dist\/hutch start [0-9a-f]{12}\n/u);
  });

  it('writes the unit and has it wanted; uninstall takes both away', async () => {
    // In this process, since the facts are made up: its places are those of the sandbox.
    const config = path.join(box.directory, 'config');
    mkdirSync(config);
    const before = { ...process.env };
    Object.assign(process.env, box.env, { XDG_CONFIG_HOME: config });
    try {
      const facts = {
        uid: process.getuid?.() ?? 0,
        hasSystemd: true,
        session: '1',
        isInUserManager: false,
        lingers: false,
        killsProcesses: false,
      };
      const { path: unit, notes } = await installUnit('web', facts);
      assert.equal(unit, path.join(config, 'systemd/user/hutch-web.service'));
      assert.match(readFileSync(unit, 'utf8'), /^WantedBy=default\.target$/mu);
      const link = path.join(config, 'systemd/user/default.target.wants/hutch-web.service');
      assert.equal(readlinkSync(link), '../hutch-web.service');
      assert.ok(existsSync(link), 'the link leads to the unit');
      assert.match(notes[0] ?? '', /loginctl enable-linger/u);
      assert.equal((await installUnit('web', facts)).path, unit, 'a second time is as good');
      assert.equal(await uninstallUnit('web', facts), unit);
      assert.deepEqual([existsSync(unit), lstatSync(link, { throwIfNoEntry: false })], [false, undefined]);
      await assert.rejects(uninstallUnit('web', facts), /there is no unit/u);
    } finally {
      process.env = before;
    }
  });
});
