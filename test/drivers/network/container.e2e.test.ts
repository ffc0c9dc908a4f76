/** `--net container:NAME`: two containers in one network namespace, seen from both. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, describe, it } from 'node:test';
import { HUTCH, assertRefused, containerTraces, hostSkip, makeSandbox, printed } from '../../e2e/sandbox.ts';
import { descendants, eventually, remaining } from '../../e2e/processes.ts';
import { world } from '../../e2e/world.ts';

const SERVER =
  'import socket\ns = socket.create_server(("127.0.0.1", 90))\nprint("ready", flush=True)\nwhile True: c = s.accept()[0]; c.sendall(b"here\\n"); c.close()';
const ASK = 'exec 3<>/dev/tcp/127.0.0.1/90 && head -n 1 <&3';

function queueSkip(): string | false {
  const { status } = spawnSync('unshare', ['-Urn', '/usr/sbin/ip', 'link', 'add', 'ifb0', 'type', 'ifb']);
  return status === 0 ? false : 'there is no ifb device here';
}

describe('--net container:NAME', { skip: hostSkip() }, () => {
  const made = ['limited', 'first', 'second', 'nested', 'shared'];
  after(() => box.hutch(['rm', '-f', ...made]));
  const box = makeSandbox();
  const start = async (name: string, ...words: readonly string[]): Promise<void> => {
    printed(await box.hutch(['run', '-d', '--name', name, ...words]));
  };
  const within = (name: string, script: string) => box.hutch(['exec', name, 'bash', '-c', script]);
  const joining = (name: string, script: string, ...flags: readonly string[]) =>
    box.hutch(['run', '--rm', '--net', `container:${name}`, ...flags, 'host', 'bash', '-c', script]);

  it('shares the network, the host name and the files that belong to it', async () => {
    await start(
      'first',
      '--add-host',
      'db:192.0.2.7',
      '--dns',
      '192.0.2.53',
      '--hostname',
      'one',
      'host',
      'sleep',
      '1000',
    );
    const script = 'readlink /proc/self/ns/net; ls /sys/class/net; hostname; cat /etc/hosts /etc/resolv.conf';
    const theirs = printed(await within('first', script));
    assert.match(theirs, /\none\n[^]*192\.0\.2\.7\tdb\n[^]*nameserver 192\.0\.2\.53\n/u, 'control');
    assert.equal(printed(await joining('first', script)), theirs);
    const alone = printed(await box.hutch(['run', '--rm', 'host', 'bash', '-c', script]));
    assert.notEqual(alone.split('\n')[0], theirs.split('\n')[0], 'control: another container has another network');
  });

  it('lets one reach the loopback of the other, and nobody else', async () => {
    await start('second', '--net', 'container:first', 'host', 'python3', '-c', SERVER);
    for (let turn = 0; !(await box.hutch(['logs', 'second'])).stdout.includes('ready'); turn += 1)
      assert.ok(turn < 100);
    assert.equal(printed(await within('first', ASK)), 'here\n');
    assert.equal(printed(await joining('second', ASK)), 'here\n', 'one that joins who has joined');
    const other = await box.hutch(['run', '--rm', 'host', 'bash', '-c', ASK]);
    assert.notEqual(other.code, 0, 'control');
  });

  it('shares neither processes nor mounts nor message queues', async () => {
    const script =
      'for t in pid mnt ipc uts cgroup; do readlink /proc/self/ns/$t; done; pgrep -f "slee[p] 1000" || echo none';
    const [theirs, ours] = [await within('first', script), await joining('first', script)].map((seen) =>
      seen.stdout.split('\n'),
    );
    for (const turn of [0, 1, 2, 3, 4]) assert.notEqual(ours?.[turn], theirs?.[turn]);
    assert.equal(ours?.[5], 'none');
  });

  it('gives no power over the network that the other has not either', async () => {
    const { code, stderr } = await joining('first', '/usr/sbin/ip link set lo down');
    assert.notEqual(code, 0);
    assert.match(stderr, /Operation not permitted/u);
    const granted = await joining(
      'first',
      '/usr/sbin/ip link set tap0 txqueuelen 999 && echo done',
      '--cap-add',
      'NET_ADMIN',
    );
    assert.equal(granted.stdout, 'done\n', 'control: who grants it grants it for both');
  });

  it('refuses what belongs to the other one, names it, and makes nothing', async () => {
    const refused = [['-p', '80'], ['-P'], ['--dns', '192.0.2.1'], ['--add-host', 'a:192.0.2.1'], ['--hostname', 'x']];
    for (const [flag = '', ...value] of refused)
      assertRefused(
        await joining('first', 'true', flag, ...value),
        new RegExp(`^hutch: ${flag} does not go with --net container:first: `, 'u'),
      );
    assertRefused(await joining('nobody', 'true'), /^hutch: there is no container "nobody"/u);
    const sysctl = await joining('first', 'true', '--sysctl', 'net.ipv4.ip_forward=1');
    assertRefused(sysctl, /^hutch: invalid value "net\.ipv4\.ip_forward=1" for --sysctl/u);
    assert.equal(containerTraces(box).filter((trace) => trace.startsWith('containers/')).length, 2);
  });

  it('refuses capabilities that would undo the rate of the other one', { skip: queueSkip() }, async () => {
    await start('limited', '--network-rate', '8mbit', 'host', 'sleep', '1000');
    assert.equal(printed(await joining('limited', 'echo fine')), 'fine\n', 'control');
    assertRefused(
      await joining('limited', 'true', '--privileged'),
      /^hutch: --network-rate would be no limit: with CAP_NET_/u,
    );
  });

  it('refuses the network of one that has none of its own', async () => {
    await start('shared', '--net', 'host', 'host', 'sleep', '1000');
    assertRefused(await joining('shared', 'true'), /^hutch: container "shared" has no network of its own/u);
  });

  it('works two user namespaces deep', async () => {
    const argv = ['run', '-d', '--name', 'nested', 'host', 'sleep', '1000'];
    printed(await box.hutch(argv, { env: { HUTCH_NESTED: '1' } }));
    assert.equal(printed(await joining('nested', 'ls /sys/class/net; id -u')), 'lo\ntap0\n0\n');
  });

  it('stays in the dead network when the other one ends, says so, and cannot start again', async () => {
    printed(await box.hutch(['stop', '-t', '0', 'first']));
    type Seen = readonly { readonly NetworkSettings: { readonly Helper?: { Status: string; Error: string } } }[];
    for (let turn = 0; ; turn += 1) {
      const [seen] = JSON.parse(printed(await box.hutch(['inspect', 'second']))) as Seen;
      const helper = seen?.NetworkSettings.Helper;
      if (helper?.Status === 'lost') {
        assert.equal(helper.Error, 'container first, whose network it shares, has ended');
        break;
      }
      assert.ok(turn < 100, 'nobody notices');
    }
    assert.equal(printed(await within('second', ASK)), 'here\n', 'its own loopback still works');
    assert.equal(printed(await within('second', 'ls /sys/class/net')), 'lo\n');
    const events = [
      'events',
      '--since',
      '1h',
      '--stream=false',
      '--filter',
      'event=network_lost',
      '--format',
      '{{.Actor.Attributes.name}}',
    ];
    assert.equal(printed(await box.hutch(events)), 'second\n');
    printed(await box.hutch(['stop', '-t', '0', 'second']));
    assertRefused(
      await box.hutch(['start', 'second']),
      /^hutch: container "first", whose network is to be joined, does not run/u,
    );
    assertRefused(
      await joining('first', 'true'),
      /^hutch: container "first", whose network is to be joined, does not run/u,
    );
    printed(await box.hutch(['start', 'first', 'second']));
    assert.equal(
      printed(await within('second', 'ls /sys/class/net')),
      'lo\ntap0\n',
      'the new network of the other one',
    );
  });

  it('ends when its monitor is killed, and the other one goes on', async () => {
    const [seen] = JSON.parse(printed(await box.hutch(['inspect', 'second']))) as {
      State: { MonitorPid: number; Pid: number };
    }[];
    process.kill(seen?.State.MonitorPid ?? 0, 'SIGKILL');
    assert.ok(await eventually(() => (descendants().some(({ pid }) => pid === seen?.State.Pid) ? undefined : true)));
    assert.equal(printed(await within('first', 'ls /sys/class/net')), 'lo\ntap0\n');
  });

  it('is what the bash script of the plan does, too', async () => {
    const argv = ['plan', 'run', '--format', 'bash', '--net', 'container:first', 'host', 'ls', '/sys/class/net'];
    const script = box.file('joined.sh', printed(await box.hutch(argv)));
    const PATH = `${HUTCH.slice(0, HUTCH.lastIndexOf('/'))}:${String(box.env['PATH'])}`;
    const outcome = await box.hutch([], { wrapper: ['env', `PATH=${PATH}`, 'sh', '-c', 'exec bash "$0"', script] });
    assert.equal(outcome.stdout, 'lo\ntap0\n', outcome.stderr);
  });

  it('works with one id', async () => {
    const script = `"$@" run -d --name lone host sleep 1000 && "$@" run --rm --net container:lone host ls /sys/class/net; "$@" rm -f lone`;
    const { stdout } = await box.hutch([], { wrapper: [...world({ setup: '' }), 'sh', '-c', script, 'sh'] });
    assert.match(stdout, /^[0-9a-f]{64}\nlo\ntap0\nlone\n$/u);
  });

  it('leaves nothing', async () => {
    printed(await box.hutch(['rm', '-f', ...made]));
    assert.equal(await remaining(), '');
    assert.deepEqual(containerTraces(box), []);
  });
});
