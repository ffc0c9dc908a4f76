/** Limits where no cgroup can be had, as on most machines that run these tests: refused with words, and nothing is half made. */

import assert from 'node:assert/strict';
import { statfsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { hostSkip, makeSandbox, printed, type Outcome } from './sandbox.ts';

const CGROUP2_MAGIC = 0x6367_7270;

function noCgroupSkip(): string | false {
  const reason = hostSkip();
  if (reason !== false) return reason;
  return statfsSync('/sys/fs/cgroup').type === CGROUP2_MAGIC
    ? 'this host has cgroup v2 (see limits.lab.test.ts)'
    : false;
}

function assertRefused({ code, stdout, stderr }: Outcome, message: RegExp): void {
  assert.deepEqual([code, stdout], [125, ''], stderr);
  assert.match(stderr, message);
}

describe('limits without cgroups', { skip: noCgroupSkip() }, () => {
  const box = makeSandbox();
  const run = (...flags: readonly string[]): Promise<Outcome> =>
    box.hutch(['run', '--rm', '--net', 'none', ...flags, 'host', 'true']);

  const ASKED: readonly (readonly string[])[] = [
    ['--memory', '64m'],
    ['-m', '64m'],
    ['--memory-high', '64m'],
    ['--cpus', '1.5'],
    ['--cpu-shares', '512'],
    ['--cpuset-cpus', '0'],
    ['--pids-limit', '100'],
    ['--blkio-weight', '100'],
    ['--cgroup-conf', 'memory.oom.group=1'],
    ['--cgroup-parent', 'work.slice'],
    ['--cgroup-driver', 'systemd'],
    ['--systemd', 'true'],
  ];
  for (const flags of ASKED) {
    it(`${flags.join(' ')} is refused with the cause and the remedy`, async () => {
      const message =
        /cannot (?:apply --[a-z-]+|be used)[^]*not the unified hierarchy[^]*fix: .*without limits the container runs/u;
      const outcome = await run(...flags);
      if (flags[0] === '--systemd' || flags[0] === '--cgroup-driver')
        assertRefused(outcome, /not the unified hierarchy/u);
      else assertRefused(outcome, message);
    });
  }

  it('leaves nothing of a container that was refused', async () => {
    assert.equal(printed(await box.hutch(['ps', '-aq'])), '');
  });

  it('runs without limits, with and without a driver that makes none', async () => {
    for (const flags of [[], ['--cgroup-driver', 'none'], ['--cgroups', 'disabled']]) printed(await run(...flags));
  });

  it('says of some limits that nobody can have them, and of others what is wrong with their values', async () => {
    assertRefused(await run('--oom-kill-disable'), /--oom-kill-disable cannot be had/u);
    assertRefused(await run('--device-cgroup-rule', 'c 1:3 r'), /only root may load/u);
    assertRefused(await run('--memory-swappiness=10'), /--memory-swappiness 10 cannot be had: cgroup v2/u);
    assertRefused(await run('-m', 'lots'), /invalid value "lots" for --memory/u);
    assertRefused(await run('--cgroup-driver', 'magic'), /invalid value "magic" for --cgroup-driver/u);
    assertRefused(await run('--device', '/dev/nothing'), /invalid value "\/dev\/nothing" for --device/u);
    assertRefused(await run('--device', '/dev/null:/dev/zero2:r'), /cannot be held up by an ordinary user/u);
  });

  it('shows a device that is named, and no other', async () => {
    const list = ['sh', '-c', 'ls /dev/full2 /dev/other 2>/dev/null; echo x >/dev/full2'];
    const outcome = await box.hutch([
      'run',
      '--rm',
      '--net',
      'none',
      '--device',
      '/dev/full:/dev/full2',
      'host',
      ...list,
    ]);
    assert.equal(outcome.stdout, '/dev/full2\n');
    assert.match(outcome.stderr, /No space left|I\/O error/u);
  });

  it('update and pause name the missing cgroup', async () => {
    await box.hutch(['run', '-d', '--name', 'web', '--net', 'none', 'host', 'sleep', '1000']);
    assertRefused(await box.hutch(['update', '-m', '64m', 'web']), /made without a cgroup of its own/u);
    assertRefused(await box.hutch(['update', 'web']), /no limit was given/u);
    assertRefused(await box.hutch(['pause', 'web']), /no cgroup of its own/u);
    printed(await box.hutch(['rm', '-f', 'web']));
  });
});
