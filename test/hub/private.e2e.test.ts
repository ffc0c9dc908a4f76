/** What a container sends to private networks that are not its own: refused, instead of leaving by the host's default route. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import { networkSkip } from '../e2e/network-answers.ts';
import { hostSkip, makeSandbox, printed } from '../e2e/sandbox.ts';
import { world } from '../e2e/world.ts';
import { makeNetwork } from './bed.ts';

/** Prints what a connection brings, or the name of the error at once. */
const ASK = `
import errno, socket, sys
try: print(socket.create_connection((sys.argv[1], 7000), 5).recv(99).decode())
except OSError as e: print(errno.errorcode.get(e.errno, "silence"))
`;
const SERVER = `
import socket
s = socket.create_server(("0.0.0.0", 7000)); open("READY", "w").close()
while True: c, _ = s.accept(); c.sendall(b"outside"); c.close()
`;
/** In the pool, but of no network; and of one that nobody is on, elsewhere. */
const [OF_POOL, OF_OTHER] = ['10.89.250.7', '10.201.7.7'];

describe('private networks of the user', { skip: hostSkip() || networkSkip() }, () => {
  const box = makeSandbox();
  let count = 0;
  before(async () => {
    await makeNetwork(box, 'near', 205);
    printed(await box.hutch(['network', 'create', '--subnet', '10.201.7.0/24', 'other']));
  });

  /** In a world where a server is at these addresses, which stand in no route that hutch looks at: as if the default route led to them. */
  const ask = async (network: string, address: string, ...routes: readonly string[]): Promise<string> => {
    const directory = path.join(box.directory, `world${String((count += 1))}`);
    mkdirSync(directory, { mode: 0o700 });
    const server = box.file('server.py', SERVER.replace('READY', `${directory}/ready`));
    const setup = [
      'ip link set lo up',
      ...[OF_POOL, OF_OTHER].map((to) => `ip route add local ${to} dev lo`),
      ...routes,
      `setpriv --pdeathsig KILL python3 ${server} >/dev/null 2>&1 &`,
      `until test -e ${directory}/ready; do sleep 0.1; done`,
    ].join('\n');
    const argv = ['run', '--rm', '--net', network, 'host', 'python3', '-c', ASK, address];
    const options = { wrapper: world({ setup, hasNetwork: true }), env: { XDG_RUNTIME_DIR: directory } };
    const { stdout, stderr } = await box.hutch(argv, options);
    assert.notEqual(stdout, '', stderr);
    return stdout.trim();
  };

  for (const [what, address] of [
    ['an address of the pool', OF_POOL],
    ['a network that nobody is on', OF_OTHER],
  ] as const)
    it(`are told at once that there is no way to ${what}`, async () => {
      assert.equal(await ask('slirp4netns', address), 'outside', 'control: the host sends it somewhere');
      assert.equal(await ask('near', address), 'ENETUNREACH');
    });

  it('do not hide what the host itself has a route to', async () => {
    assert.equal(await ask('near', OF_POOL, `ip route add unicast ${OF_POOL} dev lo table main`), 'outside');
    assert.equal(await ask('near', OF_OTHER, `ip route add unicast ${OF_POOL} dev lo table main`), 'ENETUNREACH');
  });
});
