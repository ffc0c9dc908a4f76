/** A monitor's connection to a hub that is not there any more. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { HubConnection } from '../../src/monitor/network-hub.ts';
import type { HubRequest } from '../../src/protocol/hub.ts';

const REQUEST: Extract<HubRequest, { event: 'monitor_attaches' }> = {
  event: 'monitor_attaches',
  ...{ container: 'a'.repeat(64), name: 'a', hostname: 'a', pid: 1 },
  ...{ wishes: [], ports: [], subnets: [], nameServers: [] },
};

it('HubConnection tries again, and throws nothing by itself, when hubs are killed with a question unread', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'hutch-hub-'));
  let connections = 0;
  // What was sent and never read resets a connection: ECONNRESET, as from a process that is killed.
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    connections += 1;
    setTimeout(() => socket.destroy(), 50);
  });
  try {
    await new Promise<void>((resolve) => server.listen(path.join(directory, 'network-hub'), resolve));
    const attached = HubConnection.attach(directory, REQUEST, () => undefined);
    await assert.rejects(attached, { code: 'NETWORK_FAILED', message: /ended each time/u });
    assert.equal(connections, 5);
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});
