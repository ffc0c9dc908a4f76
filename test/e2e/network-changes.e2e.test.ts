/** Names on the user's networks while containers come, go, are renamed and change their networks; through the built program. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { networkSkip } from './network-answers.ts';
import { hostSkip, makeSandbox, printed } from './sandbox.ts';

const CROWD = Array.from({ length: 20 }, (_, index) => `c${String(index)}`);
/** Longer than an answer needs, shorter than what is known of a neighbour's hardware lasts. */
const PATIENCE_SECONDS = 3;
/** Asks the name server once for an IPv4 address, without the libc's second tries; prints it, or why there is none. */
const ASK = `
import socket, struct, sys
name, server = sys.argv[1:]
labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(${String(PATIENCE_SECONDS)})
s.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\\0" + struct.pack(">2H", 1, 1), (server, 53))
try:
  a = s.recv(4096)
  print(".".join(map(str, a[-4:])) if a[7] else "rcode %d" % (a[3] & 15))
except TimeoutError:
  print("silence")
`;

describe('names on networks of the user', { skip: hostSkip() || networkSkip() }, () => {
  after(() => box.hutch(['rm', '-f', ...CROWD, 'both', 'far', 'renamed']));
  const box = makeSandbox();
  const hutch = async (...argv: readonly string[]): Promise<string> => printed(await box.hutch(argv)).trim();
  const start = (name: string, ...flags: readonly string[]): Promise<string> =>
    hutch('run', '-d', '--name', name, ...flags, 'host', 'sleep', '1000');
  const within = async (name: string, ...argv: readonly string[]): Promise<string> => hutch('exec', name, ...argv);
  const addressOf = (name: string, network: string): Promise<string> =>
    hutch('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
  const gatewayOf = (network: string): Promise<string> =>
    hutch('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', network);
  const lookUp = async (from: string, name: string, network: string): Promise<string> =>
    within(from, 'python3', '-c', ASK, name, await gatewayOf(network));

  before(async () => {
    for (const network of ['one', 'two']) await hutch('network', 'create', '--internal', network);
    // The way out is where this one is.
    await hutch('network', 'create', 'outward');
  });

  it('are known to each of twenty containers', async () => {
    for (const name of CROWD) await start(name, '--net', 'one', '--network-alias', `alias-${name}`);
    const script = `for n in ${CROWD.join(' ')}; do getent hosts $n alias-$n || echo no $n; done | awk '{ print $1 }' | sort -u | wc -l`;
    const counts = await Promise.all(CROWD.map((name) => within(name, 'sh', '-c', script)));
    assert.deepEqual(
      counts,
      CROWD.map(() => String(CROWD.length)),
    );
  });

  it('are answered without a pause when others come and go', async () => {
    const before = await lookUp('c19', 'c18', 'one');
    assert.equal(before, await addressOf('c18', 'one'), 'control');
    await hutch('rm', '-f', 'c0', 'c1');
    assert.equal(await lookUp('c19', 'c18', 'one'), before);
    for (const name of ['c0', 'c1']) await start(name, '--net', 'one');
    assert.equal(await lookUp('c19', 'c18', 'one'), before);
    assert.equal(await lookUp('c19', 'c0', 'one'), await addressOf('c0', 'one'));
  });

  it('follow a container that is renamed', async () => {
    await hutch('rename', 'c2', 'renamed');
    assert.equal(await lookUp('c19', 'renamed', 'one'), await addressOf('renamed', 'one'));
    assert.equal(await lookUp('c19', 'alias-c2', 'one'), await addressOf('renamed', 'one'));
    assert.equal(await lookUp('c19', 'c2', 'one'), 'rcode 3');
  });

  it('are those of all networks that a container is on, and of no other', async () => {
    await start('far', '--net', 'two');
    assert.equal(await lookUp('c19', 'far', 'one'), 'rcode 3');
    await hutch('network', 'connect', '--alias', 'guest', 'two', 'c19');
    assert.equal(await lookUp('c19', 'far', 'one'), await addressOf('far', 'two'));
    assert.equal(await lookUp('far', 'guest', 'two'), await addressOf('c19', 'two'));
    await hutch('network', 'disconnect', 'two', 'c19');
    assert.equal(await lookUp('c19', 'far', 'one'), 'rcode 3');
    assert.equal(await lookUp('far', 'guest', 'two'), 'rcode 3');
  });

  it('and the way out are on the next network when a container leaves its first', async () => {
    await hutch('network', 'create', 'first');
    await start('both', '--net', 'first', '--net', 'one', '--net', 'outward');
    const route = async (): Promise<string> => (await within('both', 'ip', 'route', 'show', 'default')).trim();
    assert.match(await route(), new RegExp(`via ${await gatewayOf('first')} dev eth0`, 'u'));
    await hutch('network', 'disconnect', 'first', 'both');
    assert.match(
      await route(),
      new RegExp(`via ${await gatewayOf('outward')} dev eth2`, 'u'),
      'not by an internal one',
    );
    assert.match(await within('both', 'getent', 'hosts', 'c19'), new RegExp(await addressOf('c19', 'one'), 'u'));
    await hutch('network', 'rm', 'first');
  });
});
