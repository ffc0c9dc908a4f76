/** Who reaches whom by IPv6 on networks of the user, and what a container can make others believe. */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../e2e/processes.ts';
import { networkEvents } from '../e2e/network-answers.ts';
import { assertRefused, hostSkip, makeSandbox, printed } from '../e2e/sandbox.ts';
import { allGone, askFrom, CLIENT, HELPERS, helpers } from './bed.ts';

/**
 * Answers each connection with who has connected, and notes what comes by UDP (ports 9000 and 546, that of DHCPv6 clients) and each kind of ICMPv6, as
 * which it sends itself a few things first.
 */
const SERVER = `
import socket, threading
UDP, RAW = socket.SOCK_DGRAM, socket.SOCK_RAW
def hear(s, show):
    while True: print("heard", show(s.recvfrom(999)), flush=True)
def start(s, show): threading.Thread(target=hear, args=(s, show), daemon=True).start()
for port in (9000, 546):
    u = socket.socket(socket.AF_INET6, UDP); u.bind(("::", port)); start(u, lambda got: "udp " + got[0].decode())
r = socket.socket(socket.AF_INET6, RAW, socket.IPPROTO_ICMPV6); start(r, lambda got: "icmp %d from %s" % (got[0][0], got[1][0]))
for kind in (130, 134, 137):
    r.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255); r.sendto(bytes([kind]) + bytes(23), ("::1", 0))
u.sendto(b"own-dhcp", ("::1", 546))
s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True, backlog=100); print("ready", flush=True)
while True:
    c, (address, *_) = s.accept(); c.sendall(address.encode()); c.close()
`;

/** Sends from the address FROM: \`say TO PORT TEXT\`, \`icmp TO HEX [behind]\` (hop limit 255, as neighbours do; behind an empty header of options). */
const SEND = `
import socket, sys
source, what, to, *rest = sys.argv[1:]
if what == "say":
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind((source, 547 if rest[0] == "546" else 0)); s.sendto(rest[1].encode(), (to, int(rest[0])))
else:
    s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, 255); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    if rest[1:]: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
    s.bind((source, 0, 0, int(open("/sys/class/net/eth0/ifindex").read()))); s.sendto(bytes.fromhex(rest[0]), (to, 0, 0, int(open("/sys/class/net/eth0/ifindex").read())))
`;

const NEAR = 'fd89:0:0:e7';
const ONE = `${NEAR}::11`;
const TWO = `${NEAR}::12`;
const LIAR = `${NEAR}::66`;
const FALSE_MAC = '02:00:00:00:0b:ad';

describe('containers on networks with IPv6', { skip: hostSkip() }, () => {
  after(() => box.hutch(['rm', '-f', 'one', 'two', 'far', 'shut', 'four', 'mover']));
  const box = makeSandbox();
  const hutch = async (...argv: readonly string[]): Promise<string> => printed(await box.hutch(argv)).trim();
  const heard = async (): Promise<string> => hutch('logs', 'one');
  const serve = async (name: string, ...flags: readonly string[]): Promise<void> => {
    await hutch('run', '-d', '--name', name, '--cap-add', 'NET_RAW', ...flags, 'host', 'python3', '-c', SERVER);
    for (let turn = 0; !(await hutch('logs', name)).includes('ready'); turn += 1) assert.ok(turn < 200);
  };
  const network = async (name: string, number: number, ...flags: readonly string[]): Promise<string> => {
    const subnets = ['--subnet', `10.89.${String(number)}.0/24`, '--subnet', `fd89:0:0:${number.toString(16)}::/64`];
    return hutch('network', 'create', ...subnets, ...flags, name);
  };
  const from = (net: string, script: string, ...flags: readonly string[]) =>
    box.hutch(['run', '--rm', '--net', net, ...flags, '-e', `SEND=${SEND}`, 'host', 'sh', '-ec', script]);
  /** Sent as LIAR by root with what it takes to lie. */
  const lie = async (...lines: readonly string[]): Promise<void> => {
    const script = ['send() { python3 -c "$SEND" "$@"; }', ...lines].join('\n');
    const flags = ['--ip6', LIAR, '--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW'];
    assert.equal(printed(await from('near', script, ...flags)), '');
  };
  /** What was sent last is heard when all before it has been. */
  const untilHeard = async (word: string): Promise<string> => {
    for (let turn = 0; !(await heard()).includes(word); turn += 1) assert.ok(turn < 100, word);
    return heard();
  };
  /** The hardware address that `one` takes an address for. */
  const believed = async (address: string): Promise<string | undefined> =>
    /lladdr (\S+)/u.exec(await hutch('exec', 'one', 'ip', '-6', 'neigh', 'show', address))?.[1];

  before(async () => {
    await network('near', 231);
    await network('other', 232);
    await network('inner', 233, '--internal');
    await hutch('network', 'create', 'plain');
    await serve('one', '--net', 'near', '--ip6', ONE);
    await serve('two', '--net', 'near', '--ip6', TWO);
    await serve('far', '--net', 'other');
    await serve('shut', '--net', 'inner');
  });

  it('reach each other by address and by name, and see who asks', async () => {
    assert.match(await askFrom(box, 'near', ONE), /^fd89:0:0:e7::[\da-f]+$/u);
    assert.match(await askFrom(box, 'near', 'one'), /^fd89:0:0:e7::[\da-f]+$/u);
    assert.match(
      await askFrom(box, 'near', await hutch('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'one')),
      /10\.89/u,
    );
  });

  it('have addresses that inspect shows with docker’s keys', async () => {
    const shown = '{{.GlobalIPv6Address}} {{.GlobalIPv6PrefixLen}} {{.IPv6Gateway}}';
    assert.equal(
      await hutch('inspect', '-f', `{{with .NetworkSettings}}${shown}{{end}}`, 'one'),
      `${ONE} 64 ${NEAR}::1`,
    );
    const listed = '{{range .Containers}}{{.Name}} {{.IPv6Address}}{{println}}{{end}}';
    assert.match(await hutch('network', 'inspect', '-f', listed, 'near'), new RegExp(`^one ${ONE}/64$`, 'mu'));
  });

  it('find names of both kinds, and the name of an address; networks without IPv6 answer for IPv4 alone', async () => {
    await serve('four', '--net', 'plain');
    const look =
      'import socket,sys;f={"4":socket.AF_INET,"6":socket.AF_INET6};print(*sorted({a[4][0] for a in socket.getaddrinfo(sys.argv[1],80,f.get(sys.argv[2],0))}))';
    const lookUp = async (name: string, of: string, kind: string) =>
      (await box.hutch(['exec', of, 'python3', '-c', look, name, kind])).stdout.trim();
    assert.match(await lookUp('two', 'one', 'any'), new RegExp(`^10\\.89\\.231\\.\\d+ ${TWO}$`, 'u'));
    assert.equal(await lookUp('two', 'one', '6'), TWO);
    assert.match(await lookUp('four', 'four', 'any'), /^10\.89\.\d+\.\d+$/u);
    const name = 'import socket,sys;print(socket.gethostbyaddr(sys.argv[1])[0])';
    assert.equal(await hutch('exec', 'one', 'python3', '-c', name, TWO), 'two');
    assert.match(await hutch('exec', 'four', 'cat', '/proc/net/if_inet6'), / lo$/mu, 'control');
    assert.doesNotMatch(await hutch('exec', 'four', 'cat', '/proc/net/if_inet6'), /^fd/mu);
  });

  it('are answered at the IPv6 gateway, too, by UDP', async () => {
    // One question for AAAA of "two", as RFC 1035 §4.1 and RFC 3596 write it; the last 16 bytes of the answer are the address.
    const ask = `import socket,sys
s=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM);s.settimeout(4)
s.sendto(bytes.fromhex("000101000001000000000000")+b"\\x03two\\0\\0\\x1c\\0\\1",(sys.argv[1],53))
print(socket.inet_ntop(socket.AF_INET6,s.recv(99)[-16:]))`;
    assert.equal(await hutch('exec', 'one', 'python3', '-c', ask, `${NEAR}::1`), TWO);
  });

  it('do not reach another network, nor its gateway, whatever route they set', async () => {
    const far = await hutch('inspect', '-f', '{{.NetworkSettings.GlobalIPv6Address}}', 'far');
    assert.notEqual(await askFrom(box, 'other', far), '', 'control');
    assert.equal(await askFrom(box, 'near', far), '');
    assert.equal(await askFrom(box, 'near', 'far'), '');
    const route = `ip route replace ${far} via ${NEAR}::1; python3 -c '${CLIENT}' ${far} 80`;
    assert.equal((await from('near', route, '--cap-add', 'NET_ADMIN')).stdout, '');
    const open = 'import socket,sys;socket.create_connection((sys.argv[1],53),4);print("open")';
    const asked = async (address: string) => (await from('near', `python3 -c '${open}' ${address}`)).stdout;
    assert.equal(await asked(`${NEAR}::1`), 'open\n', 'control');
    assert.equal(await asked('fd89:0:0:e8::1'), '');
  });

  it('have no way out of an internal network, but to each other', async () => {
    const shut = await hutch('inspect', '-f', '{{.NetworkSettings.GlobalIPv6Address}}', 'shut');
    assert.match(await askFrom(box, 'inner', shut), /^fd89:0:0:e9::/u);
    assert.match(await hutch('exec', 'one', 'ip', '-6', 'route'), /^default via fd89:0:0:e7::1 dev eth0/mu, 'control');
    assert.doesNotMatch(await hutch('exec', 'shut', 'ip', '-6', 'route'), /^default/mu);
  });

  it('are not heard with an address, of either kind, that is not theirs', async () => {
    await lie(
      `send ${LIAR} say ${ONE} 9000 honest`,
      `ip addr add ${NEAR}::77/64 dev eth0 nodad`,
      `send ${NEAR}::77 say ${ONE} 9000 false-address`,
      `ip link set eth0 address ${FALSE_MAC}`,
      `send ${LIAR} say ${ONE} 9000 false-hardware`,
    );
    await lie(`send ${LIAR} say ${ONE} 9000 last-of-speech`);
    const said = await untilHeard('last-of-speech');
    assert.match(said, /udp honest/u, 'control');
    assert.doesNotMatch(said, /udp false/u);
  });

  it('cannot announce the address of another one, as its owner or by asking from it', async () => {
    const real = await hutch('inspect', '-f', '{{.NetworkSettings.MacAddress}}', 'two');
    await hutch('exec', 'one', 'python3', '-c', CLIENT, TWO, '80');
    assert.equal(await believed(TWO), real, 'control');
    // RFC 4861 §4.4, §4.3: flags (solicited, override) or none, the address, and the option with its hardware address: of the target, of the sender.
    const mac = FALSE_MAC.replaceAll(':', '');
    const claim = (address: string) => `8800000060000000${hexadecimal(address)}0201${mac}`;
    const ask = `8700000000000000${hexadecimal(ONE)}0101${mac}`;
    await lie(
      `send ${LIAR} icmp ${ONE} ${claim(TWO)}`,
      `send ${LIAR} icmp ${ONE} ${claim(TWO)} behind`,
      `ip addr add ${TWO}/64 dev eth0 nodad`,
      `send ${TWO} icmp ${ONE} ${claim(TWO)}`,
      `send ${TWO} icmp ${ONE} ${ask}`,
      `send ${LIAR} say ${ONE} 9000 last-of-claims`,
    );
    await untilHeard('last-of-claims');
    assert.equal(await believed(TWO), real);
    assert.match(await hutch('exec', 'one', 'python3', '-c', CLIENT, TWO, '80'), new RegExp(ONE, 'u'));
    await lie(`send ${LIAR} icmp ${ONE} ${claim(LIAR)}`, `send ${LIAR} say ${ONE} 9000 last-of-own`);
    await untilHeard('last-of-own');
    assert.equal(await believed(LIAR), FALSE_MAC, 'control: such words are believed of the own address');
    await hutch('exec', 'one', 'python3', '-c', CLIENT, TWO, '80');
  });

  it('hear nothing from nobody, as whom one asks who tries out an address', async () => {
    const tried = 'while ip -6 -o addr show dev eth0 tentative | grep -q .; do sleep 0.1; done';
    // Of the same group of listeners as ONE: the last 24 bits say which.
    await lie(`ip addr add ${NEAR}:1::11/64 dev eth0`, tried, `send ${LIAR} say ${ONE} 9000 last-of-trials`);
    const said = await untilHeard('last-of-trials');
    assert.match(said, new RegExp(`icmp 135 from ${LIAR}$`, 'mu'), 'control: who asks in his own name is heard');
    assert.doesNotMatch(said, /from ::$/mu);
  });

  it('are no routers and no DHCP servers for others, nor do they count who listens', async () => {
    const kinds = { mldQuery: 130, routerAdvertisement: 134, redirect: 137 } as const;
    const link = '$(ip -6 -o addr show dev eth0 scope link | sed "s/.*inet6 //; s,/.*,,")';
    const messages = [...Object.values(kinds), 200].flatMap((kind) =>
      ['ff02::1', ONE].flatMap((to) =>
        ['', 'behind'].map((place) => `send ${link} icmp ${to} ${kind.toString(16)}${'00'.repeat(23)} ${place}`),
      ),
    );
    await lie(
      ...messages,
      `send ${LIAR} say ${ONE} 546 false-dhcp`,
      `send ${LIAR} say ff02::1%eth0 546 false-dhcp`,
      `send ${LIAR} say ${ONE} 9000 last-of-offices`,
    );
    const told = await untilHeard('last-of-offices');
    for (const kind of Object.values(kinds)) {
      assert.match(told, new RegExp(`icmp ${String(kind)} from ::1$`, 'mu'), 'control: its own are heard');
      assert.doesNotMatch(told, new RegExp(`icmp ${String(kind)} from f`, 'u'));
    }
    assert.equal(told.match(/icmp 200 from fe80::/gu)?.length, 4, 'control: others are heard, behind options too');
    assert.match(told, /udp own-dhcp/u, 'control');
    assert.doesNotMatch(told, /false-dhcp/u);
  });

  it('are put on one while they run, and led out by the next when that is taken away', async () => {
    await hutch('run', '-d', '--name', 'mover', '--net', 'plain', 'host', 'sleep', '1000');
    await hutch('network', 'connect', '--ip6', `${NEAR}::50`, 'near', 'mover');
    await hutch('network', 'connect', 'other', 'mover');
    const routes = () => hutch('exec', 'mover', 'sh', '-c', 'ip route; ip -6 route');
    assert.match(await routes(), /^default via 10\.89\.\d+\.1 dev eth0[^]*^default via fd89:0:0:e7::1 dev eth1/mu);
    assert.equal(await hutch('exec', 'mover', 'python3', '-c', CLIENT, ONE, '80'), `${NEAR}::50`);
    assertRefused(
      await box.hutch(['run', '--rm', '--net', 'near', '--ip6', `${NEAR}::50`, 'host', 'true']),
      /another container has fd89:0:0:e7::50/u,
    );
    await hutch('network', 'disconnect', 'near', 'mover');
    assert.match(await routes(), /^default via 10\.89\.\d+\.1 dev eth0[^]*^default via fd89:0:0:e8::1 dev eth2/mu);
  });

  for (const kind of Object.keys(HELPERS) as (keyof typeof HELPERS)[]) {
    it(`have the same addresses and names after the end of: ${kind}`, async () => {
      const told = await networkEvents(box, 'one');
      const [victim] = helpers(kind);
      assert.ok(victim !== undefined);
      process.kill(victim.pid, 'SIGKILL');
      assert.ok(await eventually(() => (helpers(kind).some(({ pid }) => pid !== victim.pid) ? true : undefined)));
      for (const name of ['one', 'two'])
        for (let turn = 0; (await networkEvents(box, name)).length < told.length + 2; turn += 1)
          assert.ok(turn < 100, 'no event');
      assert.equal(await hutch('exec', 'one', 'python3', '-c', CLIENT, 'two', '80'), ONE);
      assert.equal(await hutch('exec', 'two', 'python3', '-c', CLIENT, ONE, '80'), TWO);
      assert.match(await hutch('exec', 'one', 'ip', '-6', 'route'), /^default via fd89:0:0:e7::1 dev eth0/mu);
    });
  }

  it('leave nothing', async () => {
    await box.hutch(['rm', '-f', 'one', 'two', 'far', 'shut', 'four', 'mover']);
    assert.ok(await allGone());
  });
});

function hexadecimal(address: string): string {
  const [head = '', tail = ''] = address.split('::').map((part) =>
    part
      .split(':')
      .map((word) => word.padStart(4, '0'))
      .join(''),
  );
  return head + '0'.repeat(32 - head.length - tail.length) + tail;
}
