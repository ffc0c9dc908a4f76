/** Who reaches whom on networks of the user. */

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { askPort } from '../e2e/network-answers.ts';
import { hostSkip, makeSandbox, printed } from '../e2e/sandbox.ts';
import { addressOf, allGone, askFrom, CLIENT, helpers, makeNetwork, serve } from './bed.ts';

/** An address of this host that is not its loopback. */
const outer = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

const SEND = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 0)); s.sendto(sys.argv[3].encode(), (sys.argv[2], 9000))
`;

describe('containers on networks of their user', { skip: hostSkip() }, () => {
  const names = ['one', 'two', 'far', 'shut'];
  after(() => box.hutch(['rm', '-f', ...names]));
  const box = makeSandbox();
  before(async () => {
    await makeNetwork(box, 'near', 201);
    await makeNetwork(box, 'other', 202);
    await makeNetwork(box, 'inner', 203, true);
    await serve(box, 'one', '--net', 'near', '-p', '80');
    await serve(box, 'far', '--net', 'other');
    await serve(box, 'shut', '--net', 'inner');
  });

  it('reach each other by address and by name, and see who asks', async () => {
    const address = await addressOf(box, 'one');
    assert.match(await askFrom(box, 'near', address), /^10\.89\.201\.\d+$/u);
    assert.match(await askFrom(box, 'near', 'one'), /^10\.89\.201\.\d+$/u);
  });

  it('are reached by published ports', async () => {
    const port = Number(/:(\d+)\n$/u.exec(printed(await box.hutch(['port', 'one', '80'])))?.[1]);
    assert.match(await askPort(port), /^\d+\.\d+\.\d+\.\d+$/u);
  });

  it('do not reach another network, nor its name server, nor are they found by name there', async () => {
    const address = await addressOf(box, 'far');
    assert.notEqual(await askFrom(box, 'other', address), '', 'control');
    assert.equal(await askFrom(box, 'near', address), '');
    assert.equal(await askFrom(box, 'near', 'far'), '');
    const open = 'import socket,sys;socket.create_connection((sys.argv[1],53),4);print("open")';
    const argv = ['run', '--rm', '--net', 'near', 'host', 'python3', '-c', open];
    assert.equal(printed(await box.hutch([...argv, '10.89.201.1'])), 'open\n', 'control');
    assert.equal((await box.hutch([...argv, '10.89.202.1'])).stdout, '');
  });

  it('do not reach another network by a route of their own', async () => {
    const address = await addressOf(box, 'far');
    const script = `ip route add ${address} via 10.89.201.1 && python3 -c '${CLIENT}' ${address} 80`;
    const flags = ['--net', 'near', '--cap-add', 'NET_ADMIN'];
    assert.equal((await box.hutch(['run', '--rm', ...flags, 'host', 'sh', '-c', script])).stdout, '');
  });

  it(
    'reach the outside, but not from an internal network, whatever route they set',
    { skip: outer === undefined },
    async () => {
      const server = createServer((socket) => socket.end('outside'));
      await new Promise<void>((resolve) => server.listen(0, outer, resolve));
      const { port } = server.address() as { port: number };
      try {
        assert.equal(await askFrom(box, 'near', outer ?? '', port), 'outside');
        assert.equal(await askFrom(box, 'inner', outer ?? '', port), '');
        const script = `ip route add default via 10.89.203.1 && python3 -c '${CLIENT}' ${outer ?? ''} ${String(port)}`;
        const flags = ['--net', 'inner', '--cap-add', 'NET_ADMIN'];
        assert.equal((await box.hutch(['run', '--rm', ...flags, 'host', 'sh', '-c', script])).stdout, '');
        assert.match(await askFrom(box, 'inner', await addressOf(box, 'shut')), /^10\.89\.203\./u, 'control');
      } finally {
        server.close();
      }
    },
  );

  it('do not reach the loopback of the host', async () => {
    const server = createServer((socket) => socket.end('loopback'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      assert.equal(await askPort(port), 'loopback', 'control');
      for (const address of ['10.0.2.2', '10.89.201.1', '127.0.0.1'])
        assert.equal(await askFrom(box, 'near', address, port), '');
    } finally {
      server.close();
    }
  });

  it('are not heard with an address, of either kind, that is not theirs', async () => {
    const target = await addressOf(box, 'one');
    const heard = async (): Promise<string> => (await box.hutch(['logs', 'one'])).stdout;
    const script = [
      'own=$(ip -4 -o addr show dev eth0 | sed "s/.*inet //; s,/.*,,")',
      'send() { python3 -c "$SEND" "$@"; }',
      `send $own ${target} honest`,
      'ip addr add 10.89.201.77/24 dev eth0',
      `send 10.89.201.77 ${target} false-address`,
      'ip addr del 10.89.201.77/24 dev eth0',
      'ip link set eth0 address 02:00:00:00:00:07',
      `send $own ${target} false-hardware`,
    ].join('\n');
    const flags = ['--net', 'near', '--cap-add', 'NET_ADMIN', '-e', `SEND=${SEND}`];
    printed(await box.hutch(['run', '--rm', ...flags, 'host', 'sh', '-ec', script]));
    // What comes last has been heard when all before it has.
    printed(
      await box.hutch([
        'run',
        '--rm',
        '--net',
        'near',
        '-e',
        `SEND=${SEND}`,
        'host',
        'sh',
        '-c',
        `python3 -c "$SEND" 0.0.0.0 ${target} last`,
      ]),
    );
    for (let turn = 0; !(await heard()).includes("b'last'"); turn += 1) assert.ok(turn < 100);
    assert.match(await heard(), /b'honest'/u, 'control');
    assert.doesNotMatch(await heard(), /false/u);
  });

  it('find each other by name from their first moment on', async () => {
    const look = 'import socket;print(socket.gethostbyname("one"))';
    for (let time = 0; time < 5; time += 1)
      assert.match(
        printed(await box.hutch(['run', '--rm', '--net', 'near', 'host', 'python3', '-c', look])),
        /^10\.89\.201\./u,
      );
  });

  it('are connected all at once, twenty of them, and found by their names', async () => {
    const twenty = Array.from({ length: 20 }, (_, index) => `c${String(index)}`);
    names.push(...twenty);
    const started = await Promise.all(
      twenty.map((name) => box.hutch(['run', '-d', '--net', 'near', '--name', name, 'host', 'sleep', '100'])),
    );
    assert.deepEqual(
      started.map(({ code, stderr }) => [code, stderr]),
      twenty.map(() => [0, '']),
    );
    const look = 'import socket,sys;print(*(socket.gethostbyname(n) for n in sys.argv[1:]))';
    const found = printed(await box.hutch(['exec', 'c0', 'python3', '-c', look, ...twenty]))
      .trim()
      .split(' ');
    const real = await Promise.all(twenty.map((name) => addressOf(box, name)));
    assert.deepEqual(found, real);
    assert.equal(new Set(real).size, 20);
    assert.equal(helpers('hub').length, 1);
  });

  it('leave nothing when the last has ended', async () => {
    assert.equal(helpers().length >= 3, true, 'control');
    await box.hutch(['rm', '-f', ...names]);
    assert.ok(await allGone());
    assert.deepEqual(
      readdirSync(box.run).filter((name) => name.includes('hub')),
      [],
    );
    assert.equal(existsSync(box.run), true);
  });
});
