/** `-p` and `hutch port`: real servers in containers, reached from the host. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TOLD_FILES } from '../../../src/engine/container/tell-once.ts';
import { findTool } from '../../../src/host/run-tool.ts';
import { networkEvents } from '../../e2e/network-answers.ts';
import { descendant, descendants, eventually } from '../../e2e/processes.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from '../../e2e/sandbox.ts';

/** An address of the host that is not its loopback. */
const OUTER = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

const noPasta = findTool('pasta') === undefined && 'passt is not installed';

/** Answers each connection, and each packet, with the client's address. */
const SERVER = `
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('0.0.0.0', 81))
def udp():
    while True:
        data, peer = u.recvfrom(2048); u.sendto(data + b' from ' + peer[0].encode(), peer)
threading.Thread(target=udp, daemon=True).start()
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('0.0.0.0', 80)); s.listen(512)
print('ready', flush=True)
while True:
    c, peer = s.accept(); c.sendall(peer[0].encode()); c.close()
`;

async function ask(port: number, host = '127.0.0.1'): Promise<string> {
  const socket = connect({ host, port });
  socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')));
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
  await once(socket, 'close');
  return text;
}

async function askUdp(port: number, host: string | undefined): Promise<string> {
  const socket = createSocket('udp4');
  try {
    const answer = once(socket, 'message', { signal: AbortSignal.timeout(20_000) });
    socket.send('ping', port, host);
    return String((await answer)[0]);
  } finally {
    socket.close();
  }
}

interface Load {
  readonly rounds: number;
  readonly workers: number;
}

async function assertAll(port: number, { rounds, workers }: Load, host?: string): Promise<void> {
  let answered = 0;
  const work = async (): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) if ((await ask(port, host)) !== '') answered += 1;
  };
  await Promise.all(Array.from({ length: workers }, work));
  assert.equal(answered, rounds * workers);
}

describe('published ports', { skip: hostSkip() }, () => {
  const made: string[] = [];
  // Before the sandbox looks for what was left behind.
  after(() => box.hutch(['rm', '-f', ...made]));
  const box = makeSandbox();
  const serve = async (name: string, ...flags: readonly string[]): Promise<void> => {
    made.push(name);
    const { code, stderr } = await box.hutch(['run', '-d', '--name', name, ...flags, 'host', 'python3', '-c', SERVER]);
    assert.equal(code, 0, stderr);
    for (let turn = 0; turn < 200; turn += 1) if ((await box.hutch(['logs', name])).stdout.includes('ready')) return;
    assert.fail(`${name} does not get ready`);
  };
  const portOf = async (name: string, port: string): Promise<number> =>
    Number(/:(\d+)\n$/u.exec(printed(await box.hutch(['port', name, port])))?.[1]);

  it('lead to the container, at any free port, and say where', async () => {
    await serve('any', '-p', '80', '-p', '127.0.0.1::90');
    const [first, second] = [await portOf('any', '80'), await portOf('any', '90')];
    assert.equal(await ask(first), '10.0.2.2');
    assert.equal(
      printed(await box.hutch(['port', 'any'])),
      `80/tcp -> 127.0.0.1:${String(first)}\n90/tcp -> 127.0.0.1:${String(second)}\n`,
    );
    const ports = printed(await box.hutch(['ps', '--filter', 'name=any', '--format', '{{.Ports}}']));
    assert.equal(ports, `127.0.0.1:${String(first)}->80/tcp, 127.0.0.1:${String(second)}->90/tcp\n`);
    const format = '{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}}';
    const both = JSON.stringify({
      '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(first) }],
      '90/tcp': [{ HostIp: '127.0.0.1', HostPort: String(second) }],
    });
    assert.equal(printed(await box.hutch(['inspect', '--format', format, 'any'])), `${both} ${both}\n`);
    assertRefused(await box.hutch(['port', 'any', '9']), /no port of the host leads to port 9\/tcp/u);
  });

  it('lead UDP to it', { skip: OUTER === undefined && 'this host has loopback only' }, async () => {
    await serve('datagrams', '-p', '0.0.0.0::81/udp');
    assert.equal(await askUdp(await portOf('datagrams', '81/udp'), OUTER), `ping from ${OUTER ?? ''}`);
    const words = ['run', '--rm', '-p', '81/udp', 'host', 'true'];
    assertRefused(await box.hutch(words), /answers by UDP do not get back to the loopback/u);
    const refused = await box.hutch(['run', '--rm', '-p', '[::1]::81/udp', 'host', 'true']);
    assertRefused(refused, /for UDP at IPv4 addresses only/u);
  });

  for (const network of ['slirp4netns', 'of-own'])
    it(`lead there from IPv6 addresses, beside the same ports by IPv4, and again after the end of the helper: ${network}`, async () => {
      if (network === 'of-own') printed(await box.hutch(['network', 'create', network]));
      const name = `six-${network}`;
      await serve(name, '--net', network, '-p', '[::1]::80');
      const port = await portOf(name, '80');
      await serve(`${name}-four`, '--net', network, '-p', `127.0.0.1:${String(port)}:80`);
      await assertAll(port, { rounds: 100, workers: 10 }, '::1');
      assert.equal(await ask(port), '10.0.2.2');
      assert.equal(printed(await box.hutch(['port', name])), `80/tcp -> [::1]:${String(port)}\n`);
      const format = '{{json .NetworkSettings.Ports}} {{.NetworkSettings.SourceAddressPreserved}}';
      assert.equal(
        printed(await box.hutch(['inspect', '--format', format, name])),
        `{"80/tcp":[{"HostIp":"::1","HostPort":"${String(port)}"}]} false\n`,
      );
      const taken = ['run', '--rm', '-p', `[::]:${String(port)}:80`, 'host', 'true'];
      assertRefused(await box.hutch(taken), new RegExp(`container "${name}(?:-four)?" has it`, 'u'));
      for (const { pid } of descendants().filter(({ command }) => /slirp4netns .*tap0/u.test(command)))
        process.kill(pid, 'SIGKILL');
      for (let turn = 0; !(await networkEvents(box, name)).includes('network_up'); turn += 1) assert.ok(turn < 200);
      await assertAll(port, { rounds: 10, workers: 10 }, '::1');
      printed(await box.hutch(['rm', '-f', name, `${name}-four`]));
      await assert.rejects(ask(port, '::1'), { code: 'ECONNREFUSED' });
    });

  it('at IPv6 addresses lose no connection of ten thousand, after which the monitor gives its memory back', async (t) => {
    await serve('load', '-p', '[::1]::80');
    const { pid } = await descendant(/^hutch monitor load/u);
    const ownKib = (): number =>
      Number(/^Private_Dirty: *(\d+) kB$/mu.exec(readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8'))?.[1]);
    // Where that takes longer than the start's own memory is kept, the most of it has gone by its end.
    let most = 0;
    const looks = setInterval(() => (most = Math.max(most, ownKib())), 100);
    await assertAll(await portOf('load', '80'), { rounds: 1000, workers: 10 }, '::1').finally(() => {
      clearInterval(looks);
    });
    const isLess = await eventually(() => (ownKib() < 0.6 * most && ownKib() < 16_384 ? true : undefined), 40_000);
    t.diagnostic(`own memory: ${String(most)} KiB, then ${String(ownKib())} KiB`);
    assert.ok(isLess);
  });

  it('are the same after a restart, and gone after a stop', async () => {
    const tcp = await portOf('any', '80');
    printed(await box.hutch(['restart', '-t', '0', 'any']));
    const answer = async (): Promise<string> => {
      for (let turn = 0; turn < 100; turn += 1) {
        const text = await ask(tcp).catch(() => '');
        if (text !== '') return text;
        await sleep(50);
      }
      return '';
    };
    assert.equal(await answer(), '10.0.2.2');
    printed(await box.hutch(['stop', '-t', '0', 'any']));
    await assert.rejects(ask(tcp), { code: 'ECONNREFUSED' });
    assert.equal(printed(await box.hutch(['port', 'any'])), '');
  });

  it('refuse one that somebody has, and name who', async () => {
    const before = printed(await box.hutch(['ps', '-aq']));
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const words = ['run', '--rm', '-p', `${String(port)}:80`, 'host', 'true'];
    try {
      assertRefused(
        await box.hutch(words),
        new RegExp(
          `port 127\\.0\\.0\\.1:${String(port)}/tcp of this host cannot be published: process ${String(process.pid)} \\(`,
          'u',
        ),
      );
    } finally {
      server.close();
    }
    assert.equal(printed(await box.hutch(words)), '');
    await serve('holds', '-p', `${String(port)}:80`);
    assertRefused(await box.hutch(words), /cannot be published: container "holds" has it/u);
    const holds = printed(await box.hutch(['ps', '-q', '--filter', 'name=holds']));
    assert.equal(printed(await box.hutch(['ps', '-aq'])), `${holds}${before}`, 'nothing half made');
  });

  it('keep the address of who connects', { skip: OUTER === undefined && 'this host has loopback only' }, async () => {
    await serve('open', '-p', '0.0.0.0::80');
    assert.equal(await ask(await portOf('open', '80'), OUTER), OUTER);
    await serve('closed', '-p', '80');
    await assert.rejects(ask(await portOf('closed', '80'), OUTER), { code: 'ECONNREFUSED' });
  });

  it('are a hundred if need be, and lose no connection of a thousand', async () => {
    await serve('many', '-p', '80', '-p', '90-188');
    assert.equal(
      printed(await box.hutch(['port', 'many']))
        .trim()
        .split('\n').length,
      100,
    );
    await assertAll(await portOf('many', '80'), { rounds: 1000, workers: 1 });
  });

  it('work with pasta, and lose no connection of ten thousand at once', { skip: noPasta }, async () => {
    await serve('pasta', '--net', 'pasta', '-p', '80', '-p', '[::1]::82');
    await assertAll(await portOf('pasta', '80'), { rounds: 1000, workers: 10 });
    const words = ['run', '--rm', '-p', `${String(await portOf('pasta', '80'))}:80`, 'host', 'true'];
    assertRefused(await box.hutch(words), /container "pasta" has it/u);
  });

  it('below 1024 are refused with the remedy, or moved with --port-fallback', async () => {
    const low = ['run', '--rm', '-p', '80:80'];
    const moved = await box.hutch([...low, '--port-fallback', 'host', 'true']);
    assert.equal(moved.code, 0);
    if (moved.stderr === '') return; // Here they are everybody's.
    assert.match(moved.stderr, /port 80 is root’s on this host; published instead: 127\.0\.0\.1:\d{4,5}->80\/tcp\n$/u);
    assertRefused(await box.hutch([...low, 'host', 'true']), /sysctl -w net\.ipv4\.ip_unprivileged_port_start=80/u);
  });

  it('of -P are those that the driver can publish; of the others a warning tells, and one port that the host alone reaches is named', async () => {
    const some = ['run', '--rm', '--expose', '81/udp', '-P'];
    const left = await box.hutch([...some, 'host', 'true']);
    assert.equal(left.code, 0);
    assert.match(left.stderr, /^hutch: warning: -P does not publish port 81\/udp at 127\.0\.0\.1: answers by UDP/u);
    assertRefused(await box.hutch([...some, '-p', '81/udp', 'host', 'true']), /81\/udp cannot be published/u);
    assertRefused(await box.hutch([...some, '--net', 'none', 'host', 'true']), /with --net none/u);
    made.push('told', 'open-told');
    // It is told once for each login.
    const tellAgain = (): void => {
      rmSync(path.join(box.run, TOLD_FILES.ports), { force: true });
    };
    tellAgain();
    const told = ['run', '-d', '--name', 'told', '-p', '0.0.0.0::81/udp', '-p', '80', 'host', 'sleep', '1000'];
    const { stderr } = await box.hutch(told);
    assert.match(
      stderr,
      /^hutch: warning: 127\.0\.0\.1:\d+ is reached from this host alone; -p 0\.0\.0\.0:\d+:80 lets/u,
    );
    const open = ['run', '-d', '--name', 'open-told', '-p', '0.0.0.0::80', 'host', 'sleep', '1000'];
    tellAgain();
    assert.equal((await box.hutch(open)).stderr, '', 'control');
  });

  it('need a network of the container’s own', async () => {
    assertRefused(await box.hutch(['run', '--rm', '--net', 'none', '-p', '80', 'host', 'true']), /with --net none/u);
    const shared = await box.hutch(['run', '--rm', '--net', 'host', '-p', '80', 'host', 'true']);
    assert.deepEqual([shared.code, shared.stderr.includes('-p does nothing with --net host')], [0, true]);
  });

  it('close when the monitor is killed', async () => {
    await serve('killed', '-p', '80');
    const port = await portOf('killed', '80');
    const why = printed(await box.hutch(['why', 'killed']));
    process.kill(Number(/process (\d+)/u.exec(why)?.[1]), 'SIGKILL');
    const answers = (): Promise<boolean> =>
      ask(port).then(
        () => true,
        () => false,
      );
    for (let turn = 0; turn < 100; turn += 1) if (!(await answers())) return;
    assert.fail('it is open');
  });
});
