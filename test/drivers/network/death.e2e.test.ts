/** What becomes of a container whose network helper is killed while it runs: the network comes back, or is said to be lost. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { findTool } from '../../../src/host/run-tool.ts';
import { descendant, descendants, eventually, remaining } from '../../e2e/processes.ts';
import { askPort, networkEvents } from '../../e2e/network-answers.ts';
import { hostSkip, makeSandbox, printed } from '../../e2e/sandbox.ts';

const SERVER =
  'import socket\ns = socket.create_server(("0.0.0.0", 80))\nprint("ready", flush=True)\nwhile True: c = s.accept()[0]; c.sendall(b"here"); c.close()';

interface Helper {
  readonly Status: string;
  readonly Pid: number;
  readonly Restarts: number;
  readonly RestartedAt: string;
  readonly Error: string;
}

const KINDS = [
  { driver: 'slirp4netns', program: /^\S*slirp4netns .*tap0/u },
  { driver: 'pasta', program: /^\S*pasta\S* --config-net/u },
] as const;

function queueSkip(): string | false {
  const { status } = spawnSync('unshare', ['-Urn', '/usr/sbin/ip', 'link', 'add', 'ifb0', 'type', 'ifb']);
  return status === 0 ? false : 'there is no ifb device here';
}

describe('a network helper that is killed', { skip: hostSkip() }, () => {
  const made: string[] = [];
  after(() => box.hutch(['rm', '-f', ...made]));
  const box = makeSandbox();
  const helperOf = async (name: string): Promise<Helper> => {
    const [seen] = JSON.parse(printed(await box.hutch(['inspect', name]))) as { NetworkSettings: { Helper: Helper } }[];
    assert.ok(seen !== undefined);
    return seen.NetworkSettings.Helper;
  };
  const events = (name: string): Promise<string[]> => networkEvents(box, name);
  const start = async (name: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> => {
    made.push(name);
    const argv = ['run', '-d', '--name', name, '-p', '80', ...flags, 'host', 'python3', '-c', SERVER];
    assert.equal((await box.hutch(argv, { env })).code, 0);
    for (let turn = 0; !(await box.hutch(['logs', name])).stdout.includes('ready'); turn += 1) assert.ok(turn < 200);
    return Number(/:(\d+)\n$/u.exec(printed(await box.hutch(['port', name, '80'])))?.[1]);
  };
  const killed = async (name: string, program: RegExp, wanted: (helper: Helper) => boolean): Promise<Helper> => {
    const { Pid } = await helperOf(name);
    const victim = [...descendants(Pid), ...descendants()].find(
      ({ command, pid }) => program.test(command) && (pid === Pid || descendants(Pid).some((each) => each.pid === pid)),
    );
    assert.ok(victim !== undefined, 'there is a helper to be killed');
    process.kill(victim.pid, 'SIGKILL');
    for (let turn = 0; turn < 200; turn += 1) {
      const helper = await helperOf(name);
      if (wanted(helper)) return helper;
    }
    assert.fail(`the network of ${name} stays as it is`);
  };

  for (const { driver, program } of KINDS) {
    const skip = findTool(driver) === undefined && `${driver} is not installed`;
    it(`is started again, with the published ports: ${driver}`, { skip }, async () => {
      const port = await start(driver, ['--net', driver]);
      assert.equal(await askPort(port), 'here', 'control');
      assert.deepEqual(await events(driver), []);
      for (const times of [1, 2]) {
        const helper = await killed(driver, program, ({ Restarts }) => Restarts === times);
        assert.equal(helper.Status, 'up');
        assert.notEqual(Date.parse(helper.RestartedAt), Number.NaN);
        assert.equal(await askPort(port), 'here');
      }
      assert.deepEqual(await events(driver), ['network_down', 'network_up', 'network_down', 'network_up']);
      const why = printed(await box.hutch(['why', driver]));
      assert.match(
        why,
        /network +its helper was started again 2 time\(s\), last at 20\S+: it (?:was ended by SIGKILL|ended with code 137)/u,
      );
      const devices = printed(await box.hutch(['exec', driver, 'ls', '/sys/class/net']));
      assert.deepEqual(devices.trim().split('\n').length, 2, devices);
    });
  }

  it('is noticed in the first moment of a container too', async () => {
    made.push('quick');
    // Its end, not a second of its life, is what shows the death.
    const payload = 'i=0; while [ -e /sys/class/net/tap0 ] && [ $i -lt 50000 ]; do i=$((i + 1)); done; sleep 0.1';
    const run = box.hutch(['run', '--name', 'quick', '--net', 'slirp4netns', 'host', 'sh', '-c', payload]);
    await descendant(/^sh -c i=0/u);
    const monitor = await descendant(/run\.cjs run --name quick/u);
    process.kill((await descendant(KINDS[0].program, monitor.pid)).pid, 'SIGKILL');
    printed(await run);
    assert.equal((await events('quick'))[0], 'network_down');
  });

  it('finds the rate of the network on the new device', { skip: queueSkip() }, async () => {
    await start('held', ['--network-rate', '8mbit']);
    const queues = async (): Promise<string> =>
      printed(await box.hutch(['exec', 'held', '/usr/sbin/tc', 'qdisc', 'show'])).replaceAll(/ [\da-f]+: /gu, ' ');
    const before = await queues();
    assert.match(before, /tbf dev tap0 root .*rate 8Mbit.*\n[^]*tbf dev ifb0 root .*rate 8Mbit/u);
    await killed('held', KINDS[0].program, ({ Restarts }) => Restarts === 1);
    assert.equal(await queues(), before);
  });

  it('is said to be lost when it cannot be started again, and the container goes on', async () => {
    mkdirSync(path.join(box.directory, 'bin'));
    const fake = `#!/bin/sh\n[ ! -e ${box.directory}/broken ] || { echo "no more today" >&2; exit 3; }\nexec /usr/bin/slirp4netns "$@"\n`;
    chmodSync(box.file('bin/slirp4netns', fake), 0o755);
    const PATH = `${box.directory}/bin:${String(box.env['PATH'])}`;
    await start('lost', ['--net', 'slirp4netns'], { PATH });
    box.file('broken', '');
    const helper = await killed('lost', KINDS[0].program, ({ Status }) => Status === 'lost');
    assert.match(helper.Error, /slirp4netns could not connect the container: no more today/u);
    assert.deepEqual([helper.Pid, helper.Restarts], [0, 0]);
    assert.deepEqual(await events('lost'), ['network_down', 'network_lost']);
    assert.match(printed(await box.hutch(['why', 'lost'])), /network +network lost since 20\S+: .*no more today/u);
    assert.equal(printed(await box.hutch(['exec', 'lost', 'ls', '/sys/class/net'])), 'lo\n');
  });

  it('leaves nothing when the monitor is killed after a restart', async () => {
    await start('orphan', ['--net', 'slirp4netns']);
    await killed('orphan', KINDS[0].program, ({ Restarts }) => Restarts === 1);
    const { Pid } = await helperOf('orphan');
    const [seen] = JSON.parse(printed(await box.hutch(['inspect', 'orphan']))) as { State: { MonitorPid: number } }[];
    assert.ok((await descendant(/slirp4netns .*tap0/u)).pid > 0, 'control');
    process.kill(seen?.State.MonitorPid ?? 0, 'SIGKILL');
    assert.ok(
      await eventually(() => (descendants().some(({ pid }) => pid === Pid) ? undefined : true)),
      'it has ended',
    );
    await box.hutch(['rm', '-f', ...made]);
    assert.equal(await remaining(), '');
  });
});
