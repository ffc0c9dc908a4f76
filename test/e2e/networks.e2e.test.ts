/** Networks of the user through the built program: who reaches whom, who does not, and what happens when a helper of them is killed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { busyboxSkip } from './busybox-archive.ts';
import { descendant, descendants } from './processes.ts';
import { assertRefused, BUSYBOX, idsSkip, importBusybox, makeSandbox, printed } from './sandbox.ts';

const WELCOME = 'of the server\n';
/** Serves one file until it is killed. */
const SERVE = `mkdir -p /srv; printf '${WELCOME.trim()}\\n' >/srv/x; exec httpd -f -p 80 -h /srv`;
const PATIENCE_MS = 15_000;

function toolSkip(): string | false {
  const missing = ['slirp4netns', 'ip', 'nft'].find(
    (tool) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${tool}`]).status !== 0,
  );
  if (missing !== undefined) return `${missing} is not installed`;
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return '/dev/net/tun cannot be opened';
  }
}

function ask(address: string): string {
  return `printf 'GET /x HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} 80 | tail -n 1`;
}

describe('networks of the user', { skip: (await idsSkip()) || busyboxSkip() || toolSkip() }, () => {
  const box = makeSandbox();
  const hutch = async (...argv: string[]): Promise<string> => printed(await box.hutch(argv));
  const addressOf = async (name: string, network: string): Promise<string> =>
    (await hutch('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name)).trim();
  const isServedBy = async (client: string, address: string): Promise<boolean> =>
    (await box.hutch(['exec', client, 'sh', '-c', ask(address)])).stdout === WELCOME;
  const eventually = async (what: string, look: () => Promise<boolean>): Promise<void> => {
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until;) {
      if (await look()) return;
      await sleep(100);
    }
    assert.fail(`in ${String(PATIENCE_MS)} ms: ${what}`);
  };

  before(async () => {
    await importBusybox(box);
    await hutch('network', 'create', 'one');
    await hutch('network', 'create', 'two');
    await hutch('network', 'create', '--internal', 'inner');
    await hutch('run', '-d', '--name', 'server', '--net', 'one', '--net', 'inner', BUSYBOX, 'sh', '-c', SERVE);
    await hutch('run', '-d', '--name', 'friend', '--net', 'one', BUSYBOX, 'sleep', '1000');
    await hutch('run', '-d', '--name', 'stranger', '--net', 'two', BUSYBOX, 'sleep', '1000');
    await hutch('run', '-d', '--name', 'hermit', '--net', 'inner', BUSYBOX, 'sleep', '1000');
  });

  it('let containers of one network reach each other, and nobody else', async () => {
    const address = await addressOf('server', 'one');
    assert.match(address, /^10\.89\.\d+\.\d+$/u);
    assert.equal(await isServedBy('friend', address), true);
    assert.equal(await isServedBy('stranger', address), false);
    assert.equal(await isServedBy('hermit', address), false);
    assert.equal(await isServedBy('hermit', await addressOf('server', 'inner')), true);
  });

  it('lead to the outside unless they are internal, and never to the loopback of the host', async () => {
    const host = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
    assert.ok(host !== undefined, 'the host has an address besides its loopback');
    using listener = await serveOnHost('0.0.0.0');
    const reach = async (client: string, address: string): Promise<string> =>
      (await box.hutch(['exec', client, 'sh', '-c', `nc -w 3 ${address} ${String(listener.port)} </dev/null`])).stdout;
    assert.equal(await reach('friend', host), WELCOME);
    assert.equal(await reach('stranger', host), WELCOME);
    assert.equal(await reach('hermit', host), '');
    for (const closed of ['10.0.2.2', '127.0.0.1']) assert.equal(await reach('friend', closed), '', closed);
  });

  it('publish ports, which lead to the container', async () => {
    const port = await freePort();
    const publish = ['-p', `${String(port)}:80`];
    const started = await box.hutch([
      'run',
      '-d',
      '--name',
      'public',
      '--net',
      'one',
      ...publish,
      BUSYBOX,
      'sh',
      '-c',
      SERVE,
    ]);
    assert.equal(started.code, 0, started.stderr);
    const fetched = await fetch(`http://127.0.0.1:${String(port)}/x`);
    assert.equal(await fetched.text(), WELCOME);
    await hutch('rm', '-f', 'public');
    await assert.rejects(fetch(`http://127.0.0.1:${String(port)}/x`));
  });

  it('take no word from an address that is not the speaker’s own', async () => {
    const address = await addressOf('server', 'one');
    const own = await addressOf('friend', 'one');
    const script = (as: string): string =>
      `ip addr flush dev eth0; ip addr add ${as}/24 dev eth0; ping -c 1 -W 1 ${address} >/dev/null && echo heard`;
    await hutch('stop', '-t', '0', 'friend');
    const tryAs = async (as: string): Promise<string> =>
      (
        await box.hutch([
          ...['run', '--rm', '--net', `one:ip=${own}`, '--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW'],
          ...[BUSYBOX, 'sh', '-c', script(as)],
        ])
      ).stdout;
    assert.equal(await tryAs(own), 'heard\n');
    assert.equal(await tryAs(own.replace(/\d+$/u, '200')), '');
    await hutch('start', 'friend');
  });

  it('answer names from the first moment of a container on', async () => {
    for (let time = 0; time < 5; time += 1)
      assert.match(
        await hutch('run', '--rm', '--net', 'inner', BUSYBOX, 'nslookup', 'server'),
        /Name:\s+server\nAddress: 10\.89\./u,
      );
  });

  it('refuse an address that somebody has, in words', async () => {
    const address = await addressOf('server', 'one');
    assertRefused(
      await box.hutch(['run', '--rm', '--net', 'one', '--ip', address, BUSYBOX, 'true']),
      /another container has/u,
    );
  });

  for (const helper of [/dist\/hub\.cjs/u, /dist\/resolver\.cjs/u, /^\S*slirp4netns/u]) {
    it(`go on at the same addresses after SIGKILL of ${String(helper)}`, async () => {
      const [server, friend] = [await addressOf('server', 'one'), await addressOf('friend', 'one')];
      process.kill((await descendant(helper)).pid, 'SIGKILL');
      await eventually('an event says so', async () =>
        (await hutch('events', '--since', '1m', '--until', '0s', '-f', 'container=friend')).includes('network_up'),
      );
      await eventually('the server answers again', () => isServedBy('friend', server));
      assert.equal(await addressOf('server', 'one'), server);
      assert.equal(await addressOf('friend', 'one'), friend);
      assert.equal(await isServedBy('stranger', server), false);
      const names = await box.hutch(['exec', 'friend', 'nslookup', 'server']);
      assert.ok(names.stdout.includes(server), names.stdout);
    });
  }

  it('need one hub, however many containers start at once', async () => {
    await hutch('rm', '-f', 'server', 'friend', 'stranger', 'hermit');
    const names = ['server', 'friend', 'stranger', 'hermit'];
    await Promise.all(
      names.map((name) => hutch('run', '-d', '--name', name, '--net', 'one', BUSYBOX, 'sleep', '1000')),
    );
    const addresses = await Promise.all(names.map((name) => addressOf(name, 'one')));
    assert.equal(new Set(addresses).size, names.length);
    assert.equal(descendants().filter(({ command }) => command.includes('dist/hub.cjs')).length, 1);
  });

  it('go with their last container', async () => {
    await hutch('rm', '-f', 'server', 'friend', 'stranger', 'hermit');
    await eventually('nothing of the hub is left', () =>
      Promise.resolve(descendants().every(({ command }) => !/dist\/hub|dist\/resolver|slirp4netns/u.test(command))),
    );
  });
});

async function serveOnHost(address: string): Promise<Disposable & { readonly port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).end(WELCOME);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const where = server.address();
  assert.ok(typeof where === 'object' && where !== null);
  return {
    port: where.port,
    [Symbol.dispose]: () => {
      server.close();
    },
  };
}

async function freePort(): Promise<number> {
  using server = await serveOnHost('127.0.0.1');
  return server.port;
}
