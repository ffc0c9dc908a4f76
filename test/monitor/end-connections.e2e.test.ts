/** What a new slirp4netns does not know of: connections by the one before it are ended in the container, and those among containers are not. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { askPort, networkEvents, networkSkip } from '../e2e/network-answers.ts';
import { descendants } from '../e2e/processes.ts';
import { hostSkip, makeSandbox, printed } from '../e2e/sandbox.ts';
import { filterOf, sidesOf } from '../../src/monitor/end-connections.ts';
import { endSkip } from './end-skip.ts';

/** Echoes at port 80 and says how each connection ends; at port 81 it closes at once, and keeps the wait for late packets. */
const SERVER = `
import errno, socket, threading
def each(port, serve):
    server = socket.create_server(("", port))
    while True:
        connection, peer = server.accept()
        threading.Thread(target=serve, args=(connection, peer[0]), daemon=True).start()
def echo(connection, peer):
    try:
        connection.sendall(b"hello")
        while data := connection.recv(99): connection.sendall(data)
    except OSError as error: print(peer, errno.errorcode[error.errno], flush=True)
def close(connection, peer):
    connection.sendall(b"bye"); connection.close()
threading.Thread(target=each, args=(81, close), daemon=True).start()
print("ready", flush=True)
each(80, echo)
`;
/** Speaks with it again and again. */
const CLIENT = `
import socket, time
connection = socket.create_connection(("one", 80))
print("ready", connection.recv(99).decode(), flush=True)
try:
    for turn in range(10000):
        connection.sendall(b"x"); assert connection.recv(99) == b"x"
        if turn % 10 == 0: print("turn", flush=True)
        time.sleep(0.02)
except (OSError, AssertionError) as error: print("broken", error, flush=True)
`;

describe('connections by a slirp4netns that is killed', { skip: hostSkip() || networkSkip() || endSkip() }, () => {
  after(() => box.hutch(['rm', '-f', 'alone', 'one', 'far']));
  const box = makeSandbox();
  const logs = async (name: string): Promise<string> => (await box.hutch(['logs', name])).stdout;
  const start = async (name: string, script: string, ...flags: readonly string[]): Promise<void> => {
    // It warns that ports are at the loopback alone.
    assert.equal((await box.hutch(['run', '-d', '--name', name, ...flags, 'host', 'python3', '-c', script])).code, 0);
    for (let turn = 0; !(await logs(name)).includes('ready'); turn += 1) assert.ok(turn < 200);
  };
  const portOf = async (name: string, port: string): Promise<number> =>
    Number(/:(\d+)\n$/u.exec(printed(await box.hutch(['port', name, port])))?.[1]);
  const waiting = async (name: string): Promise<string> =>
    printed(await box.hutch(['exec', name, 'ss', '-Htn', 'state', 'time-wait', 'sport', '=', ':81']));
  const hold = async (name: string): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: await portOf(name, '80') });
    socket.on('error', () => undefined);
    const [hello] = (await once(socket, 'data')) as [Buffer];
    assert.equal(hello.toString(), 'hello');
    return socket;
  };
  const killHelper = async (name: string, pattern: RegExp): Promise<void> => {
    const [victim] = descendants().filter(({ command }) => pattern.test(command));
    assert.ok(victim !== undefined);
    process.kill(victim.pid, 'SIGKILL');
    for (let turn = 0; !(await networkEvents(box, name)).includes('network_up'); turn += 1) assert.ok(turn < 200);
  };

  before(async () => {
    printed(await box.hutch(['network', 'create', 'web']));
  });

  for (const [name, network] of [
    ['alone', 'slirp4netns'],
    ['one', 'web'],
  ] as const)
    it(`are ended in the container, and leave no port waiting: --net ${network}`, async () => {
      await start(name, SERVER, '--net', network, '-p', '80', '-p', '81');
      if (network === 'web') await start('far', CLIENT, '--net', network);
      using _connection = { [Symbol.dispose]: () => socket.destroy() };
      const socket = await hold(name);
      for (let turn = 0; turn < 5; turn += 1) assert.equal(await askPort(await portOf(name, '81')), 'bye');
      assert.notEqual(await waiting(name), '', 'control');
      assert.doesNotMatch(await logs(name), /ECONN/u, 'control');
      await killHelper(name, /slirp4netns .*tap0/u);
      for (let turn = 0; !(await logs(name)).includes('ECONN'); turn += 1) assert.ok(turn < 100);
      assert.match(await logs(name), /^10\.0\.2\.2 ECONNABORTED$/mu);
      assert.equal(await waiting(name), '');
      assert.equal(await askPort(await portOf(name, '81')), 'bye');
      await box.hutch(['rm', '-f', 'alone']);
    });

  it('are not those among containers', async () => {
    const turns = async (): Promise<number> => (await logs('far')).match(/^turn$/gmu)?.length ?? 0;
    const before = await turns();
    for (let turn = 0; (await turns()) <= before; turn += 1) assert.ok(turn < 100, 'it goes on');
    assert.doesNotMatch(await logs('far'), /broken/u);
    assert.equal((await logs('one')).match(/ECONN/gu)?.length, 1);
  });
});

it('filterOf() names connections from addresses of the container to others than its neighbours', () => {
  const sides = [
    { address: '10.89.0.2', near: '10.89.0.2/24' },
    { address: 'fd12::2', near: 'fd12::2/64' },
  ];
  assert.equal(filterOf(sides), '( src 10.89.0.2 or src [fd12::2] ) and not dst 10.89.0.2/24 and not dst [fd12::2/64]');
});

it('filterOf() asks for all connections from an address that has no neighbours', () => {
  assert.equal(
    filterOf([{ address: '10.0.2.100', near: '10.0.2.100' }, { address: 'fd00::/64' }]),
    '( src 10.0.2.100 or src [fd00::/64] ) and not dst 10.0.2.100',
  );
});

it('sidesOf() has the addresses of each network, by IPv4 and IPv6', () => {
  const endpoint = { network: 'web', networkId: '', device: 'eth0', gateway: '10.89.0.1', mac: '', aliases: [] };
  const four = { ...endpoint, address: '10.89.0.2', prefixLength: 24 };
  const ipv6 = { address: 'fd12::2', prefixLength: 64, gateway: 'fd12::1' };
  assert.deepEqual(sidesOf([four, { ...four, address: '10.90.0.2', ipv6 }]), [
    { address: '10.89.0.2', near: '10.89.0.2/24' },
    { address: '10.90.0.2', near: '10.90.0.2/24' },
    { address: 'fd12::2', near: 'fd12::2/64' },
  ]);
});
