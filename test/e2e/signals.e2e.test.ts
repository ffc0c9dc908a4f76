/** `hutch run` and signals: passed on to the command; and what is left when hutch itself is killed: nothing. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendant, descendants, killMonitor, remaining } from './processes.ts';
import { containerTraces, hostMounts, hostSkip, makeSandbox, outcomeOf, printed, type Child } from './sandbox.ts';

const RUN = ['run', '--rm', '--net', 'none'];

/** Resolves with the first line that a process prints. */
function firstLine(child: Child): Promise<string> {
  return new Promise((resolve) => child.stdout.once('data', (bytes: Buffer) => resolve(String(bytes))));
}

describe('a signal to hutch run', { skip: hostSkip() }, () => {
  const box = makeSandbox();

  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const) {
    it(`reaches the command when it is ${name}`, async () => {
      const script = `trap "echo got; exit 42" ${name.slice(3)}; echo ready; while :; do sleep 0.02; done`;
      const child = box.start([...RUN, 'host', 'sh', '-c', script]);
      const outcome = outcomeOf(child);
      await firstLine(child);
      child.kill(name);
      assert.equal(printed(await outcome, 42), 'ready\ngot\n');
    });
  }

  it('is ignored by a command that has no handler for it, but the second SIGINT ends it', async () => {
    // Not a shell, as dash has a handler for it while it runs a command.
    const child = box.start([...RUN, 'host', 'sh', '-c', 'echo ready; exec sleep 1006']);
    const outcome = outcomeOf(child);
    await descendant(/^sleep 1006/u);
    child.kill('SIGINT');
    await sleep(300);
    assert.equal(child.exitCode, null);
    child.kill('SIGINT');
    assert.equal(printed(await outcome, 137), 'ready\n');
  });

  it('ends a command without a handler when --init is PID 1', async () => {
    const child = box.start([...RUN, '--init', 'host', 'sh', '-c', 'echo ready; exec sleep 1000']);
    const outcome = outcomeOf(child);
    await firstLine(child);
    child.kill('SIGTERM');
    assert.equal(printed(await outcome, 128 + constants.signals.SIGTERM), 'ready\n');
  });

  it('that comes before the command runs ends everything', async () => {
    for (const delayMs of [30, 45, 60, 75]) {
      const child = box.start([...RUN, 'host', 'sleep', '1000']);
      const outcome = outcomeOf(child);
      await sleep(delayMs);
      child.kill('SIGTERM');
      await sleep(200);
      // If it came late, the command is there and deaf to it.
      const signals = setInterval(() => child.kill('SIGINT'), 100);
      const { code, signal } = await outcome;
      clearInterval(signals);
      assert.ok(signal === 'SIGTERM' || code === 143 || code === 137, `code ${String(code)}, signal ${String(signal)}`);
      assert.equal(await remaining(), '');
    }
    printed(await box.inHost('true'));
    assert.deepEqual(containerTraces(box), []);
  });
});

describe('SIGKILL of the monitor that hutch run has become', { skip: hostSkip() }, () => {
  const box = makeSandbox();
  const script = 'echo ready; setsid sleep 1000 & (trap "" TERM HUP INT; sleep 1001) & sleep 1002';

  const scenes: readonly (readonly [string, readonly string[]])[] = [
    ['as root of the container', []],
    ['as another user', ['-u', '1000:1000']],
    ['with --init', ['--init']],
    ['with fuse-overlayfs', ['--storage-driver', 'fuse-overlayfs']],
    ['with slirp4netns', ['--net', 'slirp4netns']],
  ];
  for (const [title, flags] of scenes) {
    it(`leaves no process within two seconds ${title}, and the next run removes what is on disk`, async () => {
      const child = box.start(['run', '--rm', '--net', 'none', ...flags, 'host', 'sh', '-c', script]);
      const outcome = outcomeOf(child);
      await firstLine(child);
      await descendant(/^sleep 1002/u);
      assert.ok(descendants().length >= 5, 'control: there are processes to be left');
      await killMonitor(child.pid);
      assert.equal((await outcome).code, 137);
      assert.equal(await remaining(2000), '');
      assert.deepEqual(hostMounts(box), []);
      assert.notDeepEqual(containerTraces(box), [], 'control: a killed hutch cannot have cleaned up');
      printed(await box.inHost('true'));
      assert.deepEqual(containerTraces(box), []);
    });
  }

  it('ends the command also in the pid namespace of the host', async () => {
    for (const user of ['0', '1000']) {
      const child = box.start([...RUN, '--pid', 'host', '-u', user, 'host', 'sh', '-c', 'echo ready; exec sleep 1003']);
      const outcome = outcomeOf(child);
      await firstLine(child);
      await killMonitor(child.pid);
      await outcome;
      assert.equal(await remaining(2000), '', `as user ${user}`);
    }
    printed(await box.inHost('true'));
    assert.deepEqual(containerTraces(box), []);
  });

  it('leaves a container without --rm as one that has exited with 137', async () => {
    const child = box.start(['run', '--name', 'kept', '--net', 'none', 'host', 'sh', '-c', script]);
    const outcome = outcomeOf(child);
    await firstLine(child);
    await killMonitor(child.pid);
    await outcome;
    for (const isSwept of [false, true]) {
      if (isSwept) printed(await box.inHost('true'));
      assert.match((await box.hutch(['ps', '-a'])).stdout, /Exited \(137\).*\(its monitor was killed\) .*kept$/mu);
    }
    printed(await box.hutch(['rm', 'kept']));
    assert.deepEqual(containerTraces(box), []);
  });

  it('while the namespaces are being made leaves no helper of theirs behind', async () => {
    printed(await box.inHost('true'));
    for (let round = 0; round < 60; round += 1) {
      const child = box.start([...RUN, 'host', 'true']);
      const outcome = outcomeOf(child);
      // It begins some milliseconds after the launcher, and a busy machine spreads it further.
      await sleep(round / 3);
      child.kill('SIGKILL');
      await outcome;
    }
    assert.equal(await remaining(5000), '');
    printed(await box.inHost('true'));
    assert.deepEqual(containerTraces(box), []);
  });

  it('while the container is being made leaves nothing either', async () => {
    for (const delayMs of [10, 30, 40, 50, 60, 70]) {
      const child = box.start([...RUN, 'host', 'sleep', '1000']);
      const outcome = outcomeOf(child);
      await sleep(delayMs);
      for (const { pid, command } of descendants(child.pid)) {
        if (/(?:hutch|run\.cjs) run/u.test(command)) process.kill(pid, 'SIGKILL');
      }
      child.kill('SIGKILL');
      await outcome;
      assert.equal(await remaining(2000), '', `killed after ${delayMs} ms`);
    }
    printed(await box.inHost('true'));
    assert.deepEqual(containerTraces(box), []);
    assert.deepEqual(hostMounts(box), []);
    assert.ok(existsSync(path.join(box.data, 'containers')), 'control: the store is where it is looked for');
  });
});
