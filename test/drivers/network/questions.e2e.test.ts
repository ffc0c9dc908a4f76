/**
 * One list of questions for every network driver, through the built program and with real servers: in a network namespace of the test's own with
 * IPv4 and IPv6, so that nothing leaves this machine. What a driver cannot do is in the table, too.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { networkDriver } from '../../../src/drivers/network/select.ts';
import { findTool } from '../../../src/host/run-tool.ts';
import { remaining } from '../../e2e/processes.ts';
import { containerTraces, hostSkip, makeSandbox, outcomeOf, type Outcome } from '../../e2e/sandbox.ts';
import { OUTER_NETWORK, OUTER_ROUTE6, outerNetworkSkip, world } from '../../e2e/world.ts';

const ASK = readFileSync(path.join(import.meta.dirname, 'ask.py'), 'utf8');
const OUTER = '203.0.113.2';
const SERVED = `
import socket, threading
def serve(kind):
    s = socket.socket(socket.AF_INET, kind); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('0.0.0.0', 8081))
    if kind == socket.SOCK_STREAM: s.listen(64)
    while True:
        if kind == socket.SOCK_STREAM: c = s.accept()[0]; c.recv(99); c.sendall(b'served'); c.close()
        else: s.sendto(b'served', s.recvfrom(99)[1])
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM): threading.Thread(target=serve, args=(kind,)).start()
`;

interface OwnNetwork {
  /** An address that answers a ping, of those that need nothing of the host. */
  readonly ping: string;
  /** Of its device; null without one. */
  readonly mtu: string | null;
}

interface Abilities {
  readonly driver: string;
  /** Flags by which the container gets it. */
  readonly flags: readonly string[];
  readonly goesOut: boolean;
  /** What a client of a published TCP port hears; null: -p is refused. */
  readonly published: 'served' | null;
  /** The same for UDP, at an address that is not the loopback. */
  readonly publishedUdp: 'served' | null;
  readonly reachesLoopback: boolean;
  /** Null: it has that of the host. */
  readonly own: OwnNetwork | null;
  readonly hasHelper: boolean;
}

/** Versions of before 2024 do. */
const losesUdp = (await networkDriver('pasta').refusal({ protocol: 'udp', hostAddress: OUTER })) !== undefined;

const DRIVERS: readonly Abilities[] = [
  {
    ...{
      driver: 'slirp4netns',
      flags: ['--net', 'slirp4netns'],
      goesOut: true,
      reachesLoopback: false,
      hasHelper: true,
    },
    ...{ published: 'served', publishedUdp: 'served', own: { ping: '10.0.2.2', mtu: '65520' } },
  },
  {
    ...{ driver: 'pasta', flags: ['--net', 'pasta'], goesOut: true, reachesLoopback: false, hasHelper: true },
    ...{ published: 'served', publishedUdp: losesUdp ? null : 'served', own: { ping: '127.0.0.1', mtu: '65520' } },
  },
  {
    ...{ driver: 'none', flags: ['--net', 'none'], goesOut: false, reachesLoopback: false, hasHelper: false },
    ...{ published: null, publishedUdp: null, own: { ping: '127.0.0.1', mtu: null } },
  },
  {
    ...{
      driver: 'container',
      flags: ['--net', 'container:base'],
      goesOut: true,
      reachesLoopback: false,
      hasHelper: false,
    },
    ...{ published: null, publishedUdp: null, own: { ping: '10.0.2.2', mtu: '65520' } },
  },
  {
    ...{ driver: 'host', flags: ['--net', 'host'], goesOut: true, reachesLoopback: true, hasHelper: false },
    ...{ published: 'served', publishedUdp: 'served', own: null },
  },
];

function missing(tool: string): string | false {
  return findTool(tool) === undefined && `${tool} is not installed`;
}

const skip = hostSkip() || outerNetworkSkip() || missing('slirp4netns') || missing('python3');

describe('a network driver', { skip }, () => {
  const box = makeSandbox();
  const servers = path.join(import.meta.dirname, 'servers.py');
  const asked = box.file('ask.py', ASK);
  const served = box.file('served.py', SERVED);
  const resolver = box.file('resolv.conf', '');
  const names = 'nameserver 198.51.100.53\\nsearch inner.test\\noptions ndots:2\\n';
  const wrapper = world({
    hasNetwork: true,
    setup: `${OUTER_NETWORK}
${OUTER_ROUTE6}
printf '${names}' >"${resolver}"
mount --bind "${resolver}" /etc/resolv.conf
mkfifo "${box.directory}/$$.life" "${box.directory}/$$.ready"
python3 "${servers}" <"${box.directory}/$$.life" >"${box.directory}/$$.ready" &
exec 5>"${box.directory}/$$.life"
read -r ready <"${box.directory}/$$.ready"
test "$ready" = ready`,
  });

  /** Runs a script of the shell in the world, with `hutch` and `ask` as commands and FLAGS as the driver's flags; returns its output. */
  const inWorld = async ({ driver, flags }: Abilities, script: string): Promise<Outcome> => {
    const lines = [
      'hutch=$1; shift; hutch() { "$hutch" "$@" 2>&1 | grep -v "only root exists" || true; }',
      `ask() { python3 ${asked} "$@"; }`,
      `run() { "$hutch" run --rm ${flags.join(' ')} "$@" 2>"${box.directory}/stderr"; }`,
      'field() { "$hutch" inspect -f "$1" main; }',
      'until_same() { for turn in $(seq 60); do [ "$(eval "$1")" != "$2" ] || break; sleep 0.1; done; eval "$1"; }',
      ...(driver === 'container' ? ['hutch run -d --name base host sleep 1000 >/dev/null'] : []),
      script,
      'hutch rm -f main base >/dev/null',
    ].join('\n');
    return outcomeOf(spawnIn(['bash', '-c', lines, 'bash']));
  };
  const spawnIn = (words: readonly string[]) => box.start([], { wrapper: [...wrapper, ...words] });
  const answers = async (abilities: Abilities, script: string): Promise<string[]> => {
    const { stdout, stderr } = await inWorld(abilities, script);
    assert.equal(stderr, '');
    return stdout.split('\n').slice(0, -1);
  };
  const within = (...words: readonly string[]): string => `run host python3 -c "$(cat ${asked})" ${words.join(' ')}`;

  for (const abilities of DRIVERS) {
    const { driver, goesOut } = abilities;
    const skip = driver === 'pasta' && missing('pasta');
    const out = (text: string): string => (goesOut ? text : 'nothing');

    it(`${driver}: goes out by TCP and UDP, IPv4 and IPv6, and resolves names`, { skip }, async () => {
      const four = ['tcp/198.51.100.7/7000', 'udp/198.51.100.7/7000'];
      const six = ['tcp/2001:db8::7/7000', 'udp/2001:db8::7/7000'];
      const seen = await answers(abilities, within(...four, ...(goesOut ? six : []), 'answer.test'));
      const expected = [...[...four, ...(goesOut ? six : [])].map(() => out('HELLO')), out('198.51.100.7')];
      assert.deepEqual(seen, expected);
    });

    it(
      `${driver}: ${abilities.reachesLoopback ? 'reaches' : 'does not reach'} the loopback of the host`,
      { skip },
      async () => {
        const ways = ['127.0.0.1', '::1', '10.0.2.2', '10.0.2.3', 'fd00::2', 'fd00::3', '203.0.113.1', '2001:db8:1::1'];
        const seen = await answers(abilities, within(...ways.map((way) => `tcp/${way}/7001`)));
        assert.equal(seen.length, ways.length);
        const open = ways.filter((_, index) => seen[index] === 'loopback');
        assert.deepEqual(open, abilities.reachesLoopback ? ['127.0.0.1', '::1'] : []);
      },
    );

    if (abilities.own !== null) asksOfItsOwn(abilities, abilities.own, skip);

    const publish = async (port: string, word: string): Promise<string[]> =>
      answers(
        abilities,
        `"$hutch" run -d --name main ${abilities.flags.join(' ')} -p ${port} host python3 -c "$(cat ${served})" >/dev/null 2>${box.directory}/said && until_same "ask ${word}" served || echo refused`,
      );

    it(
      `${driver}: ${abilities.published === null ? 'refuses to publish' : 'publishes'} a TCP port`,
      { skip },
      async () => {
        const word = driver === 'host' ? 'tcp/127.0.0.1/8081' : 'tcp/127.0.0.1/8080';
        const seen = await publish('127.0.0.1:8080:8081', word);
        assert.ok(seen.includes(abilities.published ?? 'refused'), seen.join());
      },
    );

    it(
      `${driver}: ${abilities.publishedUdp === null ? 'refuses to publish' : 'publishes'} a UDP port`,
      { skip },
      async () => {
        const word = driver === 'host' ? `udp/${OUTER}/8081` : `udp/${OUTER}/8080`;
        const seen = await publish(`${OUTER}:8080:8081/udp`, word);
        assert.ok(seen.includes(abilities.publishedUdp ?? 'refused'), seen.join());
      },
    );

    it(`${driver}: ends with the container, and with a monitor that is killed`, { skip }, async () => {
      const start = `hutch run -d --name main ${abilities.flags.join(' ')} host sleep 1000 >/dev/null`;
      const gone = `${start}; pid=$(field {{.State.MonitorPid}}); init=$(field {{.State.Pid}})`;
      const wait = 'until_same "[ -e /proc/$init ] && echo alive || echo ended" ended';
      assert.deepEqual(await answers(abilities, `${gone}; hutch stop -t 0 main >/dev/null; ${wait}`), ['ended']);
      assert.deepEqual(await answers(abilities, `${gone}; kill -KILL $pid; ${wait}`), ['ended']);
      assert.equal(await remaining(), '');
      assert.deepEqual(containerTraces(box), []);
    });

    if (abilities.hasHelper) asksOfHelper(abilities, skip);
  }

  it('that goes out goes along when the host asks elsewhere for names, while the container runs', async () => {
    const [abilities] = DRIVERS;
    assert.ok(abilities !== undefined);
    const ask = `hutch exec main python3 -c "$(cat ${asked})" answer`;
    const seen = await answers(
      abilities,
      `hutch run -d --name main ${abilities.flags.join(' ')} host sleep 1000 >/dev/null
${ask}
printf 'nameserver 198.51.100.53\nsearch test\n' >/etc/resolv.conf
until_same '${ask}' 198.51.100.7
hutch exec main cat /etc/resolv.conf`,
    );
    assert.deepEqual(seen, ['nothing', '198.51.100.7', 'search test', 'nameserver 10.0.2.3']);
  });

  function asksOfItsOwn(abilities: Abilities, own: OwnNetwork, skip: string | false): void {
    it(`${abilities.driver}: lets ping without a capability, and has the MTU that is fast`, { skip }, async () => {
      assert.deepEqual(await answers(abilities, within(`ping/${own.ping}/0`)), ['echo']);
      const mtu = 'cat /sys/class/net/[!l]*/mtu 2>/dev/null | sort -u | head -n 1';
      assert.deepEqual(await answers(abilities, `run host sh -c '${mtu}'`), own.mtu === null ? [] : [own.mtu]);
    });
  }

  function asksOfHelper(abilities: Abilities, skip: string | false): void {
    it(`${abilities.driver}: comes back when its helper is killed`, { skip }, async () => {
      const again = `hutch exec main python3 -c "$(cat ${asked})" tcp/198.51.100.7/7000 answer.test`;
      const seen = await answers(
        abilities,
        `hutch run -d --name main ${abilities.flags.join(' ')} host sleep 1000 >/dev/null
${again}
kill -KILL "$(field {{.NetworkSettings.Helper.Pid}})"
until_same "field {{.NetworkSettings.Helper.Restarts}}" 1
${again}`,
      );
      assert.deepEqual(seen, ['HELLO', '198.51.100.7', '1', 'HELLO', '198.51.100.7']);
    });
  }
});
