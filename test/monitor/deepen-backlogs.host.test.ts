/** deepenBacklogs(): what ss(8) says of a server's sockets before and after. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { deepenBacklogs } from '../../src/monitor/deepen-backlogs.ts';
import { openSyscalls } from '../../src/syscall/syscalls.ts';

const PATH = '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Two sockets that listen with room for one, one that listens nowhere, and a pipe; ends when its stdin ends. */
const SERVER = `
import socket, sys
servers = []
for _ in range(2):
    server = socket.socket(); server.bind(('127.0.0.1', 0)); server.listen(1); servers.append(server)
idle = socket.socket(); idle.bind(('127.0.0.1', 0)); datagrams = socket.socket(type=socket.SOCK_DGRAM)
print(*[s.getsockname()[1] for s in servers], flush=True)
sys.stdin.read()
`;

/** Send-Q of a listening socket is its backlog. Source: ss(8). */
function backlogOf(port: string): string | undefined {
  const { stdout } = spawnSync('ss', ['-Hltn', `sport = :${port}`], {
    encoding: 'utf8',
    env: { PATH },
  });
  return stdout.trim().split(/\s+/u)[2];
}

const missing = ['ss', 'python3'].filter((name) => spawnSync(name, ['--help'], { env: { PATH } }).error !== undefined);
const skip = missing.length === 0 ? false : `not installed: ${missing.join(', ')}`;

describe('deepenBacklogs()', { skip }, () => {
  it('gives room to each socket that listens, and to no other', async () => {
    const child = spawn('python3', ['-c', SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const ports = line.split(' ');
    try {
      assert.deepEqual(ports.map(backlogOf), ['1', '1'], 'control');
      assert.equal(deepenBacklogs(openSyscalls(), child.pid ?? 0), 2);
      for (const port of ports) assert.ok(Number(backlogOf(port)) >= 128, backlogOf(port));
    } finally {
      child.stdin.end();
      await once(child, 'close');
    }
    assert.equal(deepenBacklogs(openSyscalls(), child.pid ?? 0), 0, 'a process that has gone');
  });
});
