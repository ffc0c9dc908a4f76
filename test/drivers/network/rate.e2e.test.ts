/** --network-rate through the built program: measured against servers of the test, in a network namespace that leads nowhere else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { rateCommands } from '../../../src/plan/network-rate.ts';
import { assertRefused, containerTraces, hostSkip, makeSandbox, printed } from '../../e2e/sandbox.ts';
import { remaining } from '../../e2e/processes.ts';
import { world } from '../../e2e/world.ts';

// tc(8) and ip(8) lie where an ordinary user's shell may not look.
process.env['PATH'] = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

const RAW_CLIENT = path.join(import.meta.dirname, 'raw.py');
const RATE = { device: 'tap0', bitsPerSecond: 8e6, burstBytes: 131_072 };

/** Tries in a namespace of the test what hutch will do in the container's. */
function rateSkip(): string | false {
  const reason = hostSkip();
  if (reason !== false) return reason;
  const lines = ['set -e', 'ip tuntap add tap0 mode tap', ...rateCommands(RATE).map(({ argv }) => argv.join(' '))];
  const { status, stderr } = spawnSync('unshare', ['-Urn', 'sh', '-c', lines.join('\n')], { encoding: 'utf8' });
  return status === 0 ? false : `queues of tc(8) do not work here: ${stderr.trim()}`;
}

describe('--network-rate', { skip: rateSkip() }, () => {
  const box = makeSandbox();
  const servers = path.join(import.meta.dirname, 'servers.py');
  const client = path.join(import.meta.dirname, 'rate.py');
  const wrapper = world({
    setup: `
ip link set lo up
ip addr add 198.51.100.7/32 dev lo
ip addr add 198.51.100.53/32 dev lo
mkfifo "${box.directory}/$$.life" "${box.directory}/$$.ready"
python3 "${servers}" <"${box.directory}/$$.life" >"${box.directory}/$$.ready" &
exec 5>"${box.directory}/$$.life"
read -r ready <"${box.directory}/$$.ready"
test "$ready" = ready`,
    hasNetwork: true,
  });

  /** Bits per second: of 512 KiB that are left out and `bytes` that are measured. */
  const measure = async (direction: 'in' | 'out', bytes: number, ...flags: readonly string[]): Promise<number> => {
    const script = readFileSync(client, 'utf8');
    const argv = ['run', '--rm', ...flags, 'host', 'python3', '-c', script, direction, '524288', String(bytes)];
    const { stdout, stderr, code } = await box.hutch(argv, { wrapper });
    assert.equal(code, 0, stderr);
    return Number(stdout);
  };
  const LIMIT = ['--network-rate', '8mbit'] as const;

  for (const direction of ['in', 'out'] as const) {
    it(`holds what goes ${direction} to the rate, within 15 percent`, async () => {
      const bitsPerSecond = await measure(direction, 2_500_000, ...LIMIT);
      assert.ok(Math.abs(bitsPerSecond / 8e6 - 1) < 0.15, `${bitsPerSecond.toFixed(0)} bit/s instead of 8000000`);
    });

    it(`control: without the flag what goes ${direction} is more than twice as fast`, async () => {
      const bitsPerSecond = await measure(direction, 8_000_000);
      assert.ok(bitsPerSecond > 16e6, `${bitsPerSecond.toFixed(0)} bit/s`);
    });
  }

  it('cannot be taken away by root of the container, and can by its owner outside (control)', async () => {
    const argv = ['run', '-d', '--name', 'held', ...LIMIT, 'host', 'sleep', '1000'];
    printed(await box.hutch(argv));
    const queues = async () => printed(await box.hutch(['exec', 'held', 'tc', 'qdisc', 'show']));
    const attacks = ['tc qdisc del dev tap0 root', 'tc qdisc del dev tap0 ingress', 'ip link del ifb0'];
    for (const attack of attacks) {
      const { code, stderr } = await box.hutch(['exec', 'held', 'sh', '-c', attack]);
      assert.notEqual(code, 0, attack);
      assert.match(stderr, /Operation not permitted/u, attack);
    }
    const inNested = await box.hutch([
      'exec',
      'held',
      'unshare',
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      attacks[0] ?? '',
    ]);
    assert.notEqual(inNested.code, 0, 'a user namespace of its own gives no power over the network');
    assert.equal((await queues()).match(/^qdisc tbf .* rate 8Mbit/gmu)?.length, 2);
    const pid = printed(await box.hutch(['inspect', '-f', '{{.State.Pid}}', 'held'])).trim();
    const enter = ['--preserve-credentials', '-t', pid, '--user', '--net', 'tc', 'qdisc', 'del', 'dev', 'tap0', 'root'];
    assert.equal(spawnSync('nsenter', enter).status, 0);
    assert.equal((await queues()).match(/^qdisc tbf .* rate 8Mbit/gmu)?.length, 1, 'control: the check sees it');
    printed(await box.hutch(['rm', '-f', 'held']));
  });

  it('would be no limit for who may open packet sockets, which is why that is refused', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'raw', ...LIMIT, 'host', 'sleep', '1000']));
    const pid = printed(await box.hutch(['inspect', '-f', '{{.State.Pid}}', 'raw'])).trim();
    const enter = ['--preserve-credentials', '-t', pid, '--user', '--net', 'python3', RAW_CLIENT];
    const send = (way: string): number =>
      Number(spawnSync('nsenter', [...enter, way], { encoding: 'utf8', timeout: 20_000 }).stdout);
    assert.ok(send('queued') < 16e6, 'control: a packet socket that goes through the queue is held');
    assert.ok(send('past') > 80e6, 'PACKET_QDISC_BYPASS');
    printed(await box.hutch(['rm', '-f', 'raw']));
  });

  it('stands again after a restart, and in inspect', async () => {
    printed(
      await box.hutch(['create', '--name', 'again', ...LIMIT, '--network-burst', '256k', 'host', 'sleep', '1000']),
    );
    printed(await box.hutch(['start', 'again']));
    printed(await box.hutch(['restart', '-t', '0', 'again']));
    const queues = printed(await box.hutch(['exec', 'again', 'tc', 'qdisc', 'show']));
    assert.equal(queues.match(/^qdisc tbf .* rate 8Mbit burst 256Kb/gmu)?.length, 2);
    const format = '{{.HostConfig.NetworkRate}} {{.HostConfig.NetworkBurst}}';
    assert.equal(printed(await box.hutch(['inspect', '-f', format, 'again'])), '8000000 262144\n');
    printed(await box.hutch(['rm', '-f', 'again']));
  });

  it('is changed by update: at once, after the death of the helper, and for every start from then on', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'changed', ...LIMIT, 'host', 'sleep', '1000']));
    const held = async (): Promise<string[]> =>
      printed(await box.hutch(['exec', 'changed', 'tc', 'qdisc', 'show'])).match(/rate \S+ burst \S+/gu) ?? [];
    assert.deepEqual(await held(), ['rate 8Mbit burst 128Kb', 'rate 8Mbit burst 128Kb']);
    printed(await box.hutch(['update', '--network-rate', '20mbit', '--network-burst', '256k', 'changed']));
    const now = ['rate 20Mbit burst 256Kb', 'rate 20Mbit burst 256Kb'];
    assert.deepEqual(await held(), now);
    const format = '{{.HostConfig.NetworkRate}} {{.HostConfig.NetworkBurst}} {{.NetworkSettings.Helper.Restarts}}';
    const inspected = async (): Promise<string> => printed(await box.hutch(['inspect', '-f', format, 'changed']));
    assert.equal(await inspected(), '20000000 262144 0\n');
    const pid = printed(await box.hutch(['inspect', '-f', '{{.NetworkSettings.Helper.Pid}}', 'changed'])).trim();
    process.kill(Number(pid), 'SIGKILL');
    for (let turn = 0; (await inspected()) !== '20000000 262144 1\n'; turn += 1) assert.ok(turn < 100);
    assert.deepEqual(await held(), now);
    printed(await box.hutch(['restart', '-t', '0', 'changed']));
    assert.deepEqual(await held(), now);
    const events = ['events', '--since', '1h', '--stream=false', '--filter', 'event=update', '--format', '{{json .}}'];
    assert.match(printed(await box.hutch(events)), /"networkRate":"20000000"/u);
    printed(await box.hutch(['rm', '-f', 'changed']));
  });

  it('is given by update to one that had none, and to one that does not run', async () => {
    printed(await box.hutch(['run', '-d', '--name', 'free', 'host', 'sleep', '1000']));
    const held = async (): Promise<string[]> =>
      printed(await box.hutch(['exec', 'free', 'tc', 'qdisc', 'show'])).match(/tbf.*rate \S+/gu) ?? [];
    assert.deepEqual(await held(), [], 'control');
    printed(await box.hutch(['update', '--network-rate', '8mbit', 'free']));
    assert.equal((await held()).length, 2);
    printed(await box.hutch(['stop', '-t', '0', 'free']));
    printed(await box.hutch(['update', '--network-rate', '4mbit', 'free']));
    printed(await box.hutch(['start', 'free']));
    assert.deepEqual(
      (await held()).map((text) => text.endsWith('rate 4Mbit')),
      [true, true],
    );
    printed(await box.hutch(['rm', '-f', 'free']));
  });

  it('is refused by update where it would be none, and stays as it was', async () => {
    const make = async (name: string, ...flags: readonly string[]): Promise<void> => {
      printed(await box.hutch(['create', '--name', name, ...flags, 'host', 'true']));
    };
    await make('strong', '--cap-add', 'NET_ADMIN');
    await make('lone', '--net', 'none');
    await make('weak');
    const update = (name: string, ...flags: readonly string[]) => box.hutch(['update', ...flags, name]);
    assertRefused(
      await update('strong', '--network-rate', '8mbit'),
      /^hutch: --network-rate would be no limit: with CAP_NET_ADMIN/u,
    );
    assertRefused(
      await update('lone', '--network-rate', '8mbit'),
      /^hutch: --network-rate: --net none has no network/u,
    );
    assertRefused(await update('weak', '--network-rate', '8mb'), /^hutch: invalid value "8mb" for --network-rate/u);
    assertRefused(await update('weak', '--network-burst', '1m'), /^hutch: --network-burst 1m has no rate to go with/u);
    const rates = printed(
      await box.hutch(['inspect', '-f', '{{.HostConfig.NetworkMode}}{{.HostConfig.NetworkRate}}', 'weak']),
    );
    assert.doesNotMatch(rates, /8/u);
    printed(await box.hutch(['rm', 'strong', 'lone', 'weak']));
  });

  /** Runs hutch with a `tc` that is this script. */
  const withTc = (name: string, script: string) => {
    const directory = path.join(box.directory, name);
    mkdirSync(directory);
    chmodSync(box.file(`${name}/tc`, `#!/bin/sh\n${script}\n`), 0o755);
    return box.hutch(['run', '--rm', ...LIMIT, 'host', 'echo', 'ran'], {
      env: { PATH: `${directory}:${box.env['PATH'] ?? ''}` },
    });
  };

  it('names what the kernel lacks, and nothing runs', async () => {
    const script =
      'case "$*" in *mirred*) echo "Error: Failed to load TC action module." >&2; exit 2 ;; *) exec /usr/sbin/tc "$@" ;; esac';
    const outcome = await withTc('lacking', script);
    assertRefused(
      outcome,
      /cannot hold the network to 8mbit: `tc filter add .*` failed: Error: Failed to load TC action/u,
    );
    assert.match(
      outcome.stderr,
      /fix: the kernel seems to lack cls_u32 and act_mirred \(CONFIG_NET_CLS_U32, .*modprobe -a cls_u32 act_mirred/u,
    );
    assert.deepEqual(containerTraces(box), []);
    assert.equal(await remaining(), '');
  });

  it('is an error when the kernel takes it without doing it', async () => {
    const silent = 'case "$*" in *show*) exec /usr/sbin/tc "$@" ;; esac';
    assertRefused(
      await withTc('silent', silent),
      /the network is not held to 8mbit after it was set: tap0 has no queue/u,
    );
    assert.deepEqual(containerTraces(box), []);
  });

  it('is refused where it could be no limit, before anything is made', async () => {
    const refused: readonly (readonly [RegExp, ...string[]])[] = [
      [/--net none has no network/u, '--net', 'none'],
      [/--net host is the host's own/u, '--net', 'host'],
      [/with CAP_NET_ADMIN the container could take the limit away/u, '--privileged'],
      [/with CAP_NET_ADMIN/u, '--cap-add', 'ALL'],
      [/with CAP_NET_RAW the container could send past the limit/u, '--cap-add', 'net_raw'],
    ];
    for (const [message, ...flags] of refused) {
      assertRefused(await box.hutch(['run', '--rm', ...LIMIT, ...flags, 'host', 'true']), message);
    }
    assertRefused(await box.hutch(['run', '--rm', '--network-burst', '1m', 'host', 'true']), /has no rate to go with/u);
    assert.deepEqual(containerTraces(box), []);
  });
});
