/** Networks of a container that change while it runs. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../e2e/processes.ts';
import { askPort } from '../e2e/network-answers.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from '../e2e/sandbox.ts';
import { addressOf, askFrom, helpers, makeNetwork, serve, SERVER } from './bed.ts';

const FAKE = `#!/bin/sh
while [ -e "$0.hold" ]; do sleep 0.02; done
exec /usr/bin/slirp4netns "$@"
`;

describe('networks of a container that runs', { skip: hostSkip() }, () => {
  after(() => box.hutch(['rm', '-f', 'one', 'moved']));
  const box = makeSandbox();
  const slirp = path.join(box.directory, 'bin/slirp4netns');
  const portOf = async (name: string): Promise<number> =>
    Number(/:(\d+)\n$/u.exec(printed(await box.hutch(['port', name, '80'])))?.[1]);
  const routes = async (name: string): Promise<string> => printed(await box.hutch(['exec', name, 'ip', 'route']));

  before(async () => {
    mkdirSync(path.dirname(slirp));
    box.file('bin/slirp4netns', FAKE);
    chmodSync(slirp, 0o755);
    box.env['PATH'] = `${path.dirname(slirp)}:${box.env['PATH'] ?? ''}`;
    await makeNetwork(box, 'first', 221);
    await makeNetwork(box, 'second', 222);
    await serve(box, 'moved', '--net', 'first', '-p', '80');
  });

  it('grow by a network, where it is reached by its name', async () => {
    assert.equal(await askFrom(box, 'second', 'moved'), '', 'control');
    printed(await box.hutch(['network', 'connect', '--alias', 'other-name', 'second', 'moved']));
    assert.match(await askFrom(box, 'second', 'moved'), /^10\.89\.222\./u);
    assert.match(await askFrom(box, 'second', 'other-name'), /^10\.89\.222\./u);
    assert.match(await addressOf(box, 'moved', 'eth1'), /^10\.89\.222\./u);
  });

  it('shrink by the one that leads outside: the next one does, and the published ports come by it', async () => {
    assert.match(await routes('moved'), /default via 10\.89\.221\.1 dev eth0/u, 'control');
    printed(await box.hutch(['network', 'disconnect', 'first', 'moved']));
    assert.match(await routes('moved'), /default via 10\.89\.222\.1 dev eth1/u);
    assert.equal(await askFrom(box, 'first', 'moved'), '');
    assert.match(await askPort(await portOf('moved')), /^\d+\.\d+\.\d+\.\d+$/u);
  });

  it('have ports of the host where one of their networks leads outside, and else show none', async () => {
    await makeNetwork(box, 'closed', 223, true);
    const argv = ['run', '-d', '--name', 'inside', '--net', 'closed', '-p', '80', 'host', 'python3', '-c', SERVER];
    const { code, stderr } = await box.hutch(argv);
    assert.deepEqual([code, stderr.includes('no port of the host leads to an internal network')], [0, true], stderr);
    const shown = async (): Promise<string[]> => [
      printed(await box.hutch(['port', 'inside'])).trim(),
      printed(await box.hutch(['ps', '--filter', 'name=inside', '--format', '{{.Ports}}'])).trim(),
      printed(await box.hutch(['inspect', '-f', '{{json .NetworkSettings.Ports}}', 'inside'])).trim(),
    ];
    assert.deepEqual(await shown(), ['', '', '{}']);
    printed(await box.hutch(['network', 'connect', 'second', 'inside']));
    const [port = '', ps = '', bindings = ''] = await shown();
    for (const text of [port, ps, bindings]) assert.match(text, /127\.0\.0\.1/u);
    assert.notEqual(await askPort(await portOf('inside')), '');
    printed(await box.hutch(['network', 'disconnect', 'second', 'inside']));
    assert.deepEqual(await shown(), ['', '', '{}']);
    printed(await box.hutch(['rm', '-f', 'inside']));
  });

  it('refuse an address that another container has', async () => {
    const address = await addressOf(box, 'moved', 'eth1');
    const argv = ['run', '--rm', '--net', 'second', '--ip', address, 'host', 'true'];
    assertRefused(await box.hutch(argv), new RegExp(address.replaceAll('.', '\\.'), 'u'));
  });

  it('keep the other ports when somebody has taken one while slirp4netns was started again', async () => {
    await serve(box, 'one', '--net', 'second', '-p', '80');
    const [lost, kept] = [await portOf('one'), await portOf('moved')];
    box.file('bin/slirp4netns.hold', '');
    const [victim] = helpers('slirp4netns');
    assert.ok(victim !== undefined);
    process.kill(victim.pid, 'SIGKILL');
    const thief = await take(lost);
    rmSync(`${slirp}.hold`);
    try {
      const argv = ['events', '--since', '1h', '--stream=false', '--filter', 'container=one'];
      let told = '';
      for (let turn = 0; !told.includes('network_up'); turn += 1) {
        assert.ok(turn < 100, told);
        told = printed(await box.hutch(argv));
      }
      assert.match(told, new RegExp(`network_down .*port ${String(lost)} of 127\\.0\\.0\\.1`, 'u'));
      assert.match(await askPort(kept), /^\d+\.\d+\.\d+\.\d+$/u);
      assert.equal(await askPort(lost), 'thief');
    } finally {
      thief.close();
    }
  });
});

/** Listens at a port as soon as nobody else does. */
async function take(port: number): Promise<Server> {
  for (let turn = 0; turn < 500; turn += 1) {
    const server = createServer((socket) => socket.end('thief'));
    const isTaken = await new Promise<boolean>((resolve) => {
      server.once('error', () => {
        resolve(false);
      });
      server.listen(port, '127.0.0.1', () => {
        resolve(true);
      });
    });
    if (isTaken) return server;
    await eventually(() => undefined, 10);
  }
  throw new Error(`port ${String(port)} stays taken`);
}
