/** Connections to the outside when what leads there is killed, by IPv6 and IPv4: in a world of the test's own with servers at 2001:db8::7 and 198.51.100.7. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { descendants, eventually } from '../e2e/processes.ts';
import { networkSkip } from '../e2e/network-answers.ts';
import { hostSkip, makeSandbox, outcomeOf, type Sandbox } from '../e2e/sandbox.ts';
import { OUTER_NETWORK, OUTER_ROUTE6, outerNetworkSkip, world } from '../e2e/world.ts';
import { HELPERS } from '../hub/bed.ts';
import { endSkip } from './end-skip.ts';

const SERVERS = path.join(import.meta.dirname, '../drivers/network/servers.py');
const OUTSIDE = ['2001:db8::7', '198.51.100.7'];
/** Holds a connection to each address, and one to itself; tells when they stand, and how each has ended. */
const CLIENT = `
import errno, socket, sys, threading, time
def routed():
    with open("/proc/net/if_inet6") as file:
        return any(line.split()[3] == "00" and line.split()[5] != "lo" and not int(line.split()[4], 16) & 0x40 for line in file)
while not routed(): time.sleep(0.05)
server = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
def hold(address, connection):
    try: print(address, connection.recv(9), flush=True)
    except OSError as error: print(address, errno.errorcode[error.errno], flush=True)
for address in sys.argv[1:]:
    connection = socket.create_connection((address, 7000), 5)
    connection.settimeout(None); connection.sendall(b"x"); assert connection.recv(9) == b"X"
    threading.Thread(target=hold, args=(address, connection), daemon=True).start()
own = socket.create_connection(("::1", 80)); peer = server.accept()[0]
print("holds", flush=True)
while True:
    own.sendall(b"o"); assert peer.recv(9) == b"o"; print("own", flush=True); time.sleep(0.2)
`;

function skip(): string | false {
  return hostSkip() || networkSkip() || endSkip() || outerNetworkSkip();
}

function noPasta(): string | false {
  return spawnSync('pasta', ['--version']).error === undefined ? false : 'pasta is not installed';
}

/** Starts the client on `network` in a world; there, STEM.watches is made once it holds its connections, and all ends once STEM.ends is there. */
function hold(box: Sandbox, network: string, stem: string): ReturnType<Sandbox['start']> {
  const setup = `${OUTER_NETWORK}
${OUTER_ROUTE6}
mkfifo "${box.directory}/$$.life" "${box.directory}/$$.ready"
python3 "${SERVERS}" <"${box.directory}/$$.life" >"${box.directory}/$$.ready" &
exec 5>"${box.directory}/$$.life"
read -r ready <"${box.directory}/$$.ready"
test "$ready" = ready`;
  const script = [
    'hutch=$1; client=$(cat "$2"); cd "$3"; out=$4; at=$5; shift 5',
    '[ $out != own ] || "$hutch" network create --ipv6 own >/dev/null',
    '"$hutch" run -d --name $out --net $out host python3 -c "$client" "$@" >/dev/null 2>&1',
    'until "$hutch" logs $out | grep -q holds; do sleep 0.1; done; touch $at.watches',
    'until [ -e $at.ends ]; do sleep 0.1; "$hutch" logs $out >$at.part; mv $at.part $at.log; done',
    '"$hutch" rm -f $out >/dev/null; "$hutch" network prune -f >/dev/null',
  ].join('\n');
  const words = [box.file('client.py', CLIENT), box.directory, network, stem, ...OUTSIDE];
  return box.start(words, { wrapper: [...world({ hasNetwork: true, setup }), 'bash', '-c', script, 'bash'] });
}

describe('connections to the outside', { skip: skip() }, () => {
  const box = makeSandbox();
  for (const [network, kind, victim] of [
    ['slirp4netns', 'slirp4netns', HELPERS.slirp4netns],
    ['own', 'slirp4netns', HELPERS.slirp4netns],
    ['own', 'hub', HELPERS.hub],
    ['pasta', 'pasta', /^pasta --config-net/u],
  ] as const)
    it(
      `end by IPv6 and IPv4 where ${kind} is killed, and those of the container with itself go on: --net ${network}`,
      { skip: kind === 'pasta' && noPasta() },
      async () => {
        const stem = `${network}-${kind}`;
        const place = (name: string): string => path.join(box.directory, `${stem}.${name}`);
        const log = (): string => (existsSync(place('log')) ? readFileSync(place('log'), 'utf8') : '');
        const all = outcomeOf(hold(box, network, stem));
        try {
          assert.ok(await eventually(() => (existsSync(place('watches')) ? true : undefined)));
          assert.doesNotMatch(log(), /:db8|198/u, 'control: they stand');
          const [found] = descendants().filter(({ command }) => victim.test(command));
          assert.ok(found !== undefined);
          process.kill(found.pid, 'SIGKILL');
          for (const address of OUTSIDE) {
            const ended = await eventually(() => (log().includes(`${address} ECONNABORTED`) ? true : undefined));
            assert.ok(ended, `${address}: ${log()}`);
          }
          const before = log().split('own').length;
          assert.ok(await eventually(() => (log().split('own').length > before ? true : undefined)), 'they go on');
        } finally {
          box.file(`${stem}.ends`, '');
          const { stderr } = await all;
          assert.equal(stderr, '');
        }
      },
    );
});
