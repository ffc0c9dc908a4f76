/** What the cgroup of a container learns of systemd at its end. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { ContainerCgroup } from '../../src/monitor/container-cgroup.ts';
import { idOf, recordOf } from '../helpers/stored-containers.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'hutch-bus-'));
after(() => rmSync(directory, { recursive: true }));

function cgroupIn(unit: string | null): ContainerCgroup {
  const cgroup = new ContainerCgroup(recordOf(idOf(1)), { onMemoryKills: () => undefined });
  cgroup.record = { driver: 'systemd', path: '/sys/fs/cgroup/nowhere', unit };
  return cgroup;
}

test('stoppedScope() does not keep the record of an end waiting for a bus that says nothing any more', async () => {
  const callers: Socket[] = [];
  const bus = createServer((socket) => callers.push(socket)).listen(path.join(directory, 'bus'));
  await new Promise((resolve) => bus.once('listening', resolve));
  const before = process.env['XDG_RUNTIME_DIR'];
  const address = process.env['DBUS_SESSION_BUS_ADDRESS'];
  process.env['XDG_RUNTIME_DIR'] = directory;
  delete process.env['DBUS_SESSION_BUS_ADDRESS'];
  try {
    const cgroup = cgroupIn('hutch-1.scope');
    assert.equal(await cgroup.stoppedScope(), null);
    assert.equal(callers.length, 0, 'nobody has asked this process to end');
    cgroup.hearTerm();
    await new Promise((resolve) => bus.once('connection', resolve));
    // The bus would be given up after ten seconds, its call after thirty.
    const late = new Promise<string>((resolve) => setTimeout(resolve, 8000, 'late').unref());
    assert.equal(await Promise.race([cgroup.stoppedScope(), late]), null);
  } finally {
    if (before === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = before;
    if (address !== undefined) process.env['DBUS_SESSION_BUS_ADDRESS'] = address;
    for (const socket of callers) socket.destroy();
    bus.close();
  }
});
