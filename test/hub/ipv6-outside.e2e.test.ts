/** The outside by IPv6 from networks of the user: in a world of the test's own with a server at 2001:db8::7, so that nothing leaves this machine. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { eventually } from '../e2e/processes.ts';
import { hostSkip, makeSandbox, outcomeOf } from '../e2e/sandbox.ts';
import { OUTER_NETWORK, OUTER_ROUTE6, outerNetworkSkip, world } from '../e2e/world.ts';
import { helpers } from './bed.ts';

const DRIVERS = path.join(import.meta.dirname, '../drivers/network');
const ASK = readFileSync(path.join(DRIVERS, 'ask.py'), 'utf8');
const OUTSIDE = ['tcp/2001:db8::7/7000', 'udp/2001:db8::7/7000', 'tcp/198.51.100.7/7000'];
const LOOPBACK = ['::1', 'fd00::2', 'fd00::3', '2001:db8:1::1'].map((address) => `tcp/${address}/7001`);

describe('the outside by IPv6, from networks of the user', { skip: hostSkip() || outerNetworkSkip() }, () => {
  const box = makeSandbox();
  const asked = box.file('ask.py', ASK);
  /** Runs lines of the shell in a world, in which networks and two containers are made; returns what they print. */
  const inWorld = async (hasRoute: boolean, ...lines: readonly string[]): Promise<string[]> => {
    const setup = `${OUTER_NETWORK}
${hasRoute ? OUTER_ROUTE6 : ''}
mkfifo "${box.directory}/$$.life" "${box.directory}/$$.ready"
python3 "${DRIVERS}/servers.py" <"${box.directory}/$$.life" >"${box.directory}/$$.ready" &
exec 5>"${box.directory}/$$.life"
read -r ready <"${box.directory}/$$.ready"
test "$ready" = ready`;
    const script = [
      'hutch=$1; shift; hutch() { "$hutch" "$@" 2>&1 | grep -v "only root exists" || true; }',
      `ask() { from=$1; shift; hutch exec $from python3 -c "$(cat ${asked})" "$@"; }`,
      'for name in out in; do',
      '  internal=; [ $name = out ] || internal=--internal',
      '  hutch network create --ipv6 $internal $name >/dev/null',
      '  hutch run -d --name $name --net $name host sleep 1000 >/dev/null',
      'done',
      ...lines,
      'hutch rm -f out in >/dev/null; hutch network prune -f >/dev/null',
    ].join('\n');
    const wrapper = [...world({ hasNetwork: true, setup }), 'bash', '-c', script, 'bash'];
    const { stdout, stderr } = await outcomeOf(box.start([], { wrapper }));
    assert.equal(stderr, '');
    return stdout.split('\n').slice(0, -1);
  };

  it('is reached by TCP and UDP, and not from an internal network', async () => {
    const seen = await inWorld(true, `ask out ${OUTSIDE.join(' ')}`, `ask in ${OUTSIDE.join(' ')}`);
    assert.deepEqual(seen, [...OUTSIDE.map(() => 'HELLO'), ...OUTSIDE.map(() => 'nothing')]);
  });

  it('is not asked for what is on another network of the user, and says so at once', async () => {
    // In the world, that is somebody else's.
    assert.equal((await box.hutch(['network', 'create', '--subnet', '2001:db8::/64', 'other'])).stdout, 'other\n');
    const why = `import errno, socket, sys
try: socket.create_connection((sys.argv[1], 7000), 5); print("open")
except OSError as e: print(errno.errorcode.get(e.errno, "silence"))`;
    const seen = await inWorld(true, `hutch exec out python3 -c '${why}' 2001:db8::7`, `ask out ${OUTSIDE[2] ?? ''}`);
    assert.deepEqual(seen, ['ENETUNREACH', 'HELLO']);
    await box.hutch(['network', 'rm', 'other']);
  });

  it('does not lead to the loopback of the host', async () => {
    const seen = await inWorld(true, `ask out ${LOOPBACK.join(' ')} ${OUTSIDE[0] ?? ''}`);
    assert.deepEqual(seen, [...LOOPBACK.map(() => 'nothing'), 'HELLO']);
  });

  it('is not there by IPv6 where the host has no route to it, and by IPv4 all the same', async () => {
    const seen = await inWorld(false, `ask out ${OUTSIDE.join(' ')}`);
    assert.deepEqual(seen, ['nothing', 'nothing', 'HELLO']);
  });

  it('comes back when slirp4netns was killed', async () => {
    const [waits, goes] = ['waits', 'goes'].map((name) => path.join(box.directory, name));
    const seen = inWorld(
      true,
      `touch ${waits ?? ''}; while [ ! -e ${goes ?? ''} ]; do sleep 0.05; done`,
      `for turn in $(seq 20); do [ "$(ask out ${OUTSIDE[0] ?? ''})" != HELLO ] || break; done`,
      `ask out ${OUTSIDE.join(' ')}`,
    );
    assert.ok(await eventually(() => (existsSync(waits ?? '') ? true : undefined)));
    const [victim] = helpers('slirp4netns');
    assert.ok(victim !== undefined);
    process.kill(victim.pid, 'SIGKILL');
    assert.ok(
      await eventually(() => (helpers('slirp4netns').some(({ pid }) => pid !== victim.pid) ? true : undefined)),
    );
    box.file('goes', '');
    assert.deepEqual(
      await seen,
      OUTSIDE.map(() => 'HELLO'),
    );
  });
});
