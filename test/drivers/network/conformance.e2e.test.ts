/**
 * The network drivers through the built program. What leaves a container here arrives at servers of the test, in a network
 * namespace that leads nowhere else: the whole test stays on this machine.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { descendant, descendants, killMonitor, remaining } from '../../e2e/processes.ts';
import { containerTraces, hostSkip, makeSandbox, outcomeOf, printed, type Outcome } from '../../e2e/sandbox.ts';
import { ONE_ID, world } from '../../e2e/world.ts';

const DRIVERS = ['none', 'host', 'slirp4netns'] as const;

function slirpSkip(): string | false {
  const reason = hostSkip();
  if (reason !== false) return reason;
  if (spawnSync('slirp4netns', ['--version']).status !== 0) return 'slirp4netns is not installed';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return '/dev/net/tun cannot be opened';
  }
}

function worldSkip(): string | false {
  const tools = [
    ['ip', '-V'],
    ['python3', '--version'],
    ['bash', '--version'],
  ] as const;
  const missing = tools.find(([tool, flag]) => spawnSync(tool, [flag]).status !== 0);
  return slirpSkip() || (missing === undefined ? false : `${missing[0]} is not installed`);
}

describe('every network driver', { skip: slirpSkip() }, () => {
  const box = makeSandbox();
  const run = (driver: string, script: string): Promise<Outcome> =>
    box.hutch(['run', '--rm', '--net', driver, 'host', 'bash', '-c', script]);

  for (const driver of DRIVERS) {
    it(`brings lo up and lets the container talk to itself: ${driver}`, async () => {
      const script = 'cat /sys/class/net/lo/flags; exec 3<>/dev/udp/127.0.0.1/9; echo x >&3 && echo sent';
      const flags = Number(printed(await run(driver, script)).split('\n')[0]);
      assert.equal(flags & 1, 1, 'IFF_UP');
    });
  }

  it('is slirp4netns when none is named', async () => {
    assert.equal(printed(await box.hutch(['run', '--rm', 'host', 'ls', '/sys/class/net'])), 'lo\ntap0\n');
  });

  it('is the one of the settings file, which --net overrules', async () => {
    const list = 'ls /sys/class/net | tr "\\n" " "';
    const [home] = [path.join(box.directory, 'config-home')];
    spawnSync('mkdir', ['-p', path.join(home, 'hutch')]);
    box.file('config-home/hutch/config.json', '{"network":"none"}');
    const options = { env: { XDG_CONFIG_HOME: home } };
    assert.equal(printed(await box.hutch(['run', '--rm', 'host', 'sh', '-c', list], options)), 'lo ');
    assert.equal(
      printed(await box.hutch(['run', '--rm', '--net', 'slirp4netns', 'host', 'sh', '-c', list], options)),
      'lo tap0 ',
    );
  });

  it('none: has nothing but lo, no route and no name server of its own', async () => {
    assert.equal(printed(await run('none', 'ls /sys/class/net; tail -n +2 /proc/net/route')), 'lo\n');
  });

  it('host: has the interfaces, the namespace and the name servers of the host', async () => {
    const host = (file: string): string => readFileSync(file, 'utf8');
    const output = printed(await run('host', 'readlink /proc/self/ns/net; cat /etc/resolv.conf'));
    assert.equal(output.split('\n')[0], readlinkSync('/proc/self/ns/net'));
    for (const [line] of host('/etc/resolv.conf').matchAll(/^nameserver .*$/gmu)) assert.ok(output.includes(line));
  });

  it('slirp4netns: has one device with MTU 65520, its address in /etc/hosts and its resolver', async () => {
    const script =
      'cat /sys/class/net/tap0/mtu; grep ^nameserver /etc/resolv.conf; getent hosts "$HOSTNAME"; ip -4 -o addr show tap0';
    const output = printed(await run('slirp4netns', script));
    assert.match(output, /^65520\nnameserver 10\.0\.2\.3\n10\.0\.2\.100 +[0-9a-f]{12} [^]* inet 10\.0\.2\.100\/24 /u);
  });

  it('slirp4netns: its helper is fenced in, sees nothing of the host’s files, and ends with the container', async () => {
    const child = box.start(['run', '--rm', 'host', 'sleep', '1000']);
    const outcome = outcomeOf(child);
    await descendant(/^sleep 1000/u);
    const { pid, command } = await descendant(/slirp4netns .*tap0/u);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^Seccomp:\t2$/mu);
    assert.match(status, /^NoNewPrivs:\t1$/mu);
    assert.match(command, /--disable-host-loopback .*--enable-sandbox .*--enable-seccomp/u);
    const [own, its] = [readlinkSync('/proc/self/ns/mnt'), mountNamespace(pid)];
    assert.notEqual(its, own, 'a sandboxed helper has a mount namespace of its own');
    // Three of them kill; two that come at the same moment are one.
    const signals = setInterval(() => child.kill('SIGINT'), 100);
    assert.equal((await outcome).code, 137);
    clearInterval(signals);
    assert.equal(await remaining(), '');
  });

  it('slirp4netns: its helper ends when the monitor is killed', async () => {
    const child = box.start(['run', '--rm', 'host', 'sleep', '1000']);
    const outcome = outcomeOf(child);
    await descendant(/^sleep 1000/u);
    assert.ok(
      descendants().some(({ command }) => /slirp4netns .*tap0/u.test(command)),
      'control',
    );
    await killMonitor(child.pid);
    await outcome;
    assert.equal(await remaining(), '');
    printed(await run('none', 'true'));
    assert.deepEqual(containerTraces(box), []);
  });
});

/** A helper that is not dumpable does not show its namespaces, even to its own user. */
function mountNamespace(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return 'not shown';
  }
}

describe('in a network of the test’s own', { skip: worldSkip() }, () => {
  const box = makeSandbox();
  const servers = path.join(import.meta.dirname, 'servers.py');
  const setup = `
ip link set lo up
ip addr add 198.51.100.7/32 dev lo
ip addr add 198.51.100.53/32 dev lo
echo 'nameserver 198.51.100.53' >"${box.directory}/resolv.conf"
mount --bind "${box.directory}/resolv.conf" /etc/resolv.conf
# The servers end when hutch does, which keeps descriptor 5 open.
mkfifo "${box.directory}/$$.life" "${box.directory}/$$.ready"
python3 "${servers}" <"${box.directory}/$$.life" >"${box.directory}/$$.ready" &
exec 5>"${box.directory}/$$.life"
read -r ready <"${box.directory}/$$.ready"
test "$ready" = ready`;

  const reachIn =
    (wrapper: readonly string[]) =>
    async (driver: string, script: string): Promise<string> => {
      const argv = ['run', '--rm', '--net', driver, 'host', 'timeout', '10', 'bash', '-c', script];
      const { stdout, stderr } = await box.hutch(argv, { wrapper });
      assert.match(stderr, ONE_ID);
      return stdout;
    };
  const reach = reachIn(world({ setup, hasNetwork: true }));
  const TCP = 'exec 3<>/dev/tcp/198.51.100.7/7000 && echo tcp >&3 && head -n 1 <&3';
  const UDP = 'exec 3<>/dev/udp/198.51.100.7/7000 && echo udp >&3 && timeout 3 head -n 1 <&3';
  const LOOPBACK = 'exec 3<>/dev/tcp/127.0.0.1/7001 && head -n 1 <&3';
  const GATEWAY = 'exec 3<>/dev/tcp/10.0.2.2/7001 && head -n 1 <&3';

  it('slirp4netns reaches servers by TCP and UDP', async () => {
    assert.equal(await reach('slirp4netns', TCP), 'TCP\n');
    assert.equal(await reach('slirp4netns', UDP), 'UDP\n');
  });

  it('slirp4netns moves a megabyte there and back unchanged', async () => {
    const script =
      'exec 3<>/dev/tcp/198.51.100.7/7000; yes abcdefghijklmno | head -c 1048576 >&3 & head -c 1048576 <&3 | md5sum; yes ABCDEFGHIJKLMNO | head -c 1048576 | md5sum';
    const [got, expected] = (await reach('slirp4netns', script)).split('\n');
    assert.ok(expected !== undefined && expected !== '');
    assert.equal(got, expected);
  });

  it('slirp4netns resolves names by the host’s name server', async () => {
    assert.equal(
      await reach('slirp4netns', 'getent ahostsv4 answer.test | head -n 1 | cut -d " " -f 1'),
      '198.51.100.7\n',
    );
    assert.equal(await reach('slirp4netns', 'getent ahostsv4 other.test || echo unknown'), 'unknown\n');
  });

  it('slirp4netns does not reach the host’s loopback, which --net host does', async () => {
    assert.equal(await reach('slirp4netns', `(${GATEWAY}) 2>/dev/null || echo refused`), 'refused\n');
    assert.equal(await reach('slirp4netns', `(${LOOPBACK}) 2>/dev/null || echo refused`), 'refused\n');
    assert.equal(await reach('host', LOOPBACK), 'loopback\n', 'control: there is a server on the loopback');
  });

  /** Where pasta finds a gateway, which stands for the host's loopback when pasta is not told otherwise. Source: passt(1). */
  const behindGateway = world({
    setup: `ip tuntap add gate mode tap
ip link set gate up
ip addr add 203.0.113.2/24 dev gate
ip route add default via 203.0.113.1
${setup}`,
    hasNetwork: true,
  });
  const noPasta = spawnSync('pasta', ['--version']).status === 0 ? false : 'pasta is not installed';

  it('pasta does not reach the host’s loopback, which it would as it comes', { skip: noPasta }, async () => {
    const gateway = 'exec 3<>/dev/tcp/203.0.113.1/7001 && head -n 1 <&3';
    const local = '(exec 3<>/dev/tcp/127.0.0.1/7001) 2>/dev/null || echo refused';
    const guarded = `(timeout 3 bash -c '${gateway}') 2>/dev/null || echo refused`;
    assert.equal(await reachIn(behindGateway)('pasta', TCP), 'TCP\n', 'control: it has a network');
    assert.equal(await reachIn(behindGateway)('pasta', `${local}; ${guarded}`), 'refused\nrefused\n');
    const naive = ['pasta', '--config-net', '--quiet', '--', 'bash', '-c', gateway];
    const [program, ...words] = [...behindGateway, ...naive] as const;
    const { stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', timeout: 20_000 });
    assert.equal(stdout, 'loopback\n', stderr);
  });

  it('none reaches nothing of it', async () => {
    assert.equal(await reach('none', `(${TCP}) 2>/dev/null || echo refused`), 'refused\n');
    assert.equal(await reach('host', TCP), 'TCP\n', 'control: the server is there');
  });
});
