/** What of the host's own network a payload reaches: its loopback addresses and its abstract sockets. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer, type AddressInfo, type Server } from 'node:net';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { networkDriver } from '../../src/drivers/network/select.ts';
import { findTool } from '../../src/host/run-tool.ts';
import { eventually } from '../e2e/processes.ts';
import { makeSandbox } from '../e2e/sandbox.ts';
import { ATTACKER, attackerSkip, makeAttacker, resultsOf, unfenced, type Attacker, type Results } from './attacker.ts';
import { landlockAbi } from './landlock.ts';

/** Scopes came with ABI 6. Source: landlock(7). */
const SCOPES_ABI = 6;
const NAME = `hutch-test-${process.pid}`;

/** Connections that arrived: what a client is told proves less. */
let arrived = 0;

async function listen(...where: readonly [port: number, host: string] | readonly [path: string]): Promise<Server> {
  const server = createServer((socket) => {
    arrived += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(...(where as [number, string]), resolve);
  });
  return server;
}

function slirpSkip(): string | false {
  return spawnSync('slirp4netns', ['--version']).status === 0 ? false : 'slirp4netns is not installed';
}

describe('services of the host that listen on loopback', { skip: attackerSkip() }, () => {
  const box = makeSandbox();
  const servers: Server[] = [];
  let attacker: Attacker;
  let addresses: readonly string[];
  let abstract = '';
  before(async () => {
    attacker = await makeAttacker(box);
    const four = await listen(0, '127.0.0.1');
    const { port } = four.address() as AddressInfo;
    const six = await listen(port, '::1').catch(() => undefined);
    const local = await listen(`\0${NAME}`);
    servers.push(...[four, six, local].filter((server) => server !== undefined));
    abstract = `abstract/${NAME}`;
    const own = ['127.0.0.1', ...(six === undefined ? [] : ['::1'])];
    addresses = own.map((host) => `${host.includes(':') ? 'tcp6' : 'tcp4'}/${host}/${port}`);
  });
  after(() => {
    for (const server of servers) server.close();
  });

  async function connect(targets: readonly string[], ...flags: readonly string[]): Promise<Results> {
    const outcome = await box.hutch(['run', '--rm', ...flags, ATTACKER, 'probe', 'connect', ...targets]);
    assert.equal(outcome.code, 0, outcome.stderr);
    return resultsOf(outcome.stdout);
  }

  /** The addresses that slirp4netns answers for. Source: slirp4netns(1). */
  function gateways(): readonly string[] {
    const port = addresses[0]?.split('/')[2] ?? '';
    return ['10.0.2.2', '10.0.2.3'].map((host) => `tcp4/${host}/${port}`);
  }

  /** What the probe finds in a network of slirp4netns as it is without hutch's options. */
  function connectNaively(targets: readonly string[]): Results {
    const fifo = (name: string): string => path.join(box.directory, name);
    const inside = `echo $$ >"$1"; cat "$2"; shift 2; exec "$@"`;
    const outside = [
      'mkfifo "$1" "$2"',
      `unshare --user --map-root-user --net sh -c '${inside}' sh "$@" &`,
      'read -r pid <"$1"',
      'slirp4netns --configure --ready-fd=5 "$pid" tap0 5>"$2" >/dev/null 2>&1 &',
      'slirp=$!; wait %1; kill $slirp; wait',
    ].join('\n');
    const wrapper = ['bash', '-c', outside, 'bash', fifo('pid'), fifo('ready')];
    const results = unfenced(attacker.probe, ['connect', ...targets], wrapper);
    // The byte by which slirp4netns says that it is ready stands before the first line.
    return Object.fromEntries(Object.entries(results).map(([name, result]) => [name.replace(/^1/u, ''), result]));
  }

  it('are there: the host and a container with --net host reach them', async () => {
    const all = Object.fromEntries(addresses.map((address) => [address, 'OK']));
    assert.deepEqual(unfenced(attacker.probe, ['connect', ...addresses, abstract]), { ...all, [abstract]: 'OK' });
    assert.deepEqual(await connect(addresses, '--net', 'host'), all);
  });

  it('cannot be reached by the default network, nor through its gateway', { skip: slirpSkip() }, async () => {
    const targets = [...addresses, ...gateways(), abstract];
    const before = arrived;
    const results = await connect(targets);
    assert.equal(Object.keys(results).length, targets.length);
    assert.deepEqual(
      targets.filter((target) => results[target] === 'OK'),
      [],
    );
    assert.equal(arrived, before);
  });

  it('would be reached by a network of slirp4netns as it comes', { skip: slirpSkip() }, async () => {
    const [gateway = ''] = gateways();
    const before = arrived;
    assert.deepEqual(connectNaively([gateway]), { [gateway]: 'OK' });
    await eventually(() => (arrived > before ? true : undefined));
    assert.equal(arrived, before + 1);
  });

  it('are reached through the gateway, and by name, where it is allowed', { skip: slirpSkip() }, async () => {
    const [gateway = ''] = gateways();
    const named = gateway.replace('10.0.2.2', 'host.docker.internal');
    const before = arrived;
    const results = await connect([gateway, ...addresses, abstract], '--allow-host-loopback');
    assert.equal(results[gateway], 'OK');
    await eventually(() => (arrived > before ? true : undefined));
    assert.equal(arrived, before + 1, 'and by no other way');
    const script = `exec 3<>/dev/tcp/host.docker.internal/${named.split('/')[2] ?? ''} && echo connected`;
    const ask = (...flags: readonly string[]) => box.hutch(['run', '--rm', ...flags, 'host', 'bash', '-c', script]);
    for (const driver of ['slirp4netns', ...(findTool('pasta') === undefined ? [] : ['pasta'])]) {
      assert.equal((await ask('--net', driver, '--allow-host-loopback')).stdout, 'connected\n', driver);
      const refused = await ask('--net', driver);
      assert.match(refused.stderr, /host\.docker\.internal: Name or service not known|Temporary failure/u, driver);
    }
  });

  it(
    'cannot be reached by pasta, nor through the gateway',
    { skip: findTool('pasta') === undefined && 'no pasta' },
    async () => {
      const port = addresses[0]?.split('/')[2] ?? '';
      const gateway = networkDriver('pasta').hostGateway();
      const targets = [...addresses, ...gateways(), ...(gateway === null ? [] : [`tcp4/${gateway}/${port}`]), abstract];
      const before = arrived;
      const results = await connect(targets, '--net', 'pasta');
      assert.deepEqual(
        targets.filter((target) => results[target] === 'OK'),
        [],
      );
      assert.equal(arrived, before);
      if (gateway === null) return;
      const opened = await connect([`tcp4/${gateway}/${port}`], '--net', 'pasta', '--allow-host-loopback');
      assert.deepEqual(Object.values(opened), ['OK'], 'control');
    },
  );

  it('cannot be reached without a network', async () => {
    const targets = [...addresses, abstract];
    const results = await connect(targets, '--net', 'none');
    assert.deepEqual(results, Object.fromEntries(targets.map((target) => [target, 'ECONNREFUSED'])));
  });

  const noScope = landlockAbi() >= SCOPES_ABI ? false : 'this kernel’s Landlock has no scopes';
  it('as abstract sockets are out of reach even with --net host', { skip: noScope }, async () => {
    assert.deepEqual(await connect([abstract], '--net', 'host'), { [abstract]: 'EPERM' });
    assert.deepEqual(await connect([abstract], '--net', 'host', '--privileged'), { [abstract]: 'OK' });
  });
});
